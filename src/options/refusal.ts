/** An invalid value, with what is required instead. */
export class Refusal {
  readonly requirement: string
  /** Shown instead of a value that may contain a secret or is not descriptive. */
  readonly shown: string | undefined
  constructor(requirement: string, shown?: string) {
    this.requirement = requirement
    this.shown = shown
  }
}
