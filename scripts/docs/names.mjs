import { Converter, ReflectionKind } from 'typedoc'

const imported = {
  index: 'flotsam',
  sessions: 'flotsam/sessions',
  testing: 'flotsam/testing',
}

/** Names each module as users import it, and not by the path of its source. */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module))
      reflection.name = imported[reflection.name] ?? reflection.name
  })
}
