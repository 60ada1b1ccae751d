import * as fc from 'fast-check'

/** A text that a JSON string could hold, or that only resembles one: lone surrogates, line ends, NULs, markup. */
export const strangeText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '',
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    '\ufeff',
    '\u2028',
    '\r\n',
    '\u001b[2J',
    '<html>',
    '__proto__',
    'constructor',
    'toString',
    'null',
    '../..',
    'a'.repeat(5000),
  ),
)

/** A value of whatever type, as JSON text, also with what only text can say: huge numbers, doubled keys, deep nesting. */
export const anyJsonText: fc.Arbitrary<string> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
  strangeText.map((text) => JSON.stringify(text)),
  fc.constantFrom(
    'null',
    'true',
    '-1',
    '0',
    '-0',
    '1e308',
    '1e309',
    '-1e309',
    '5e-324',
    '9007199254740993',
    '1.5',
    '[]',
    '{}',
    '""',
    '{"__proto__":{"flotsam.keep":""}}',
    '{"a":"1","a":"2"}',
    '{"constructor":{"prototype":{}}}',
    `${'['.repeat(2000)}${']'.repeat(2000)}`,
    `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`,
  ),
)

/** Text that is not JSON, or stops being JSON. */
export const notJson = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '{',
    '[',
    ']',
    '[1,]',
    'NaN',
    "{'a':1}",
    '[[]',
    '\ufeff[]',
    '[]x',
    'nul',
    '"\\ud8',
  ),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)
