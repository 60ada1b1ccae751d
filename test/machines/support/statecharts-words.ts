/** What the page says of the names in a chart that cannot speak for themselves. A test keeps them complete. */
export interface Words {
  /** Of states that carry no description of their own. */
  readonly states: Readonly<Record<string, string>>
  readonly events: Readonly<Record<string, string>>
  readonly guards: Readonly<Record<string, string>>
  readonly delays: Readonly<Record<string, string>>
}

export const containerWords: Words = {
  states: {
    'classified.sorting': 'Passed through at once: its verdict says where it is parked.',
    'removing.starting':
      'Passed through at once: what comes first is the hook, then the graceful end, then the removal.',
  },
  events: {
    judged: 'A look has a verdict on it: a changed one, or one that its removal waits for.',
    missed: 'A look that should hold it does not.',
    disowned: "It is still there and no longer bears the owner's label.",
    admitted: 'It has a place among the removals.',
    engineLost: 'The engine stopped answering. Told only to those in `removing`.',
    engineBack: 'The engine answers again. Told only to those in `removing`.',
    'xstate.done.actor.hook': "The owner's hook approved or refused, or failed to answer, which refuses.",
    'xstate.done.actor.end': 'What came of the graceful end.',
    'xstate.done.actor.removal': 'What came of the removal.',
  },
  guards: {
    isGraced: 'The verdict is `graced`.',
    isTracked: 'The verdict is `tracked`.',
    isSpared: 'The verdict is `spared`.',
    isWithheld: 'This is a dry run: nothing in the program is able to remove.',
    needsApproval: 'There is a hook, and it has not yet approved this removal.',
    endsGracefully:
      'The owner gives containers time to end, and this one runs and was not asked to end before.',
    hasFailed: 'A look still finds it dangling: the engine is there, and the removal did nothing.',
    hasApproved: 'The hook answered `true`.',
    isDone: 'The engine confirmed it.',
    isLetLive: 'Asked again last, it is not to be removed.',
    isStale: 'The verdict expired before the request could leave; nothing was sent.',
    isUnsettled: "The engine's answer leaves open what happened.",
  },
  delays: {},
}

export const supervisorWords: Words = {
  states: {
    starting: 'Passed through at once: the option `enabled` decides.',
    running: 'Looks at the engine and knows its health, both at the same time.',
    'running.looking.idle': 'Waits until the next look is due.',
    'running.looking.looking': 'One listing is under way, or being judged.',
    'running.health.unknown': 'No listing has come back yet.',
    'running.health.up.choosing':
      'Passed through at once: the option `events` decides, and how long the last stream of events lasted.',
    'running.health.up.unhearing': 'Follows no events, on purpose.',
    'running.health.up.listening': 'The stream of events is followed.',
    'running.health.up.deaf': 'The stream has ended, or could not be had; looks go on without it.',
    'stopping.settling': 'Removals under way are waited for.',
    'stopping.disbanding': 'The container actors are stopped, in slices.',
    stopped: 'The end.',
  },
  events: {
    lookAsked: 'Somebody wants a look sooner than the next one is due; several such wishes make one look.',
    dueChanged: 'When the next look is due has changed.',
    engineAnswered: 'The engine gave a whole listing.',
    engineFailed: 'The engine gave none.',
    placeFreed: 'A place among the removals may be free.',
    troubleMet: 'Something failed; its streak is begun or goes on.',
    troubleOver: 'Something works; its streak, if there is one, ends.',
    stop: 'The reconciler is stopped.',
    'xstate.done.actor.look': 'The look came back, was judged and fed to the fleet.',
    'xstate.error.actor.look': 'The look failed: the engine gave no listing, or something of ours broke.',
    'xstate.done.actor.listen': 'The stream of events ended.',
    'xstate.error.actor.listen': 'No stream of events could be had.',
    'xstate.after.untilListeningAgain.supervisor.running.health.up.deaf': 'It is time to try again.',
    'xstate.done.actor.disband': 'Every container actor is stopped.',
    'xstate.error.actor.disband': 'Stopping them failed; the end comes all the same.',
    'xstate.after.untilNextLook.supervisor.running.looking.idle': 'The next look is due.',
    'xstate.after.settleTime.supervisor.stopping.settling': 'Removals under way have had their time.',
  },
  guards: {
    isEnabled: 'The option `enabled` is set.',
    hearsEvents: 'The option `events` is set.',
    mustRest: 'The last stream of events has just ended.',
    couldNotListen: 'The last stream of events could not be had, which is not told yet.',
    isSettled: 'No removal is under way.',
  },
  delays: {
    untilNextLook:
      'The period, or sooner for the end of a grace, a retry or a wish; while the engine is down, a growing, jittered pause.',
    untilListeningAgain:
      'What is left of a second since the stream ended; doubled with each one that ended soon, up to the period.',
    settleTime: 'Five seconds.',
  },
}

/** Why a container goes from one main state to another. */
export const mainArrows: Readonly<Record<string, string>> = {
  'discovered graced': 'in a grace',
  'discovered classified': 'in no grace',
  'graced classified': 'judged by a look after the grace',
  'graced gone': 'missed by a look',
  'classified graced': 'let go by the agent',
  'classified removing': 'dangling and admitted',
  'classified gone': 'missed by a look',
  'removing classified': 'not removed, judged anew',
  'removing gone': 'confirmed',
}
