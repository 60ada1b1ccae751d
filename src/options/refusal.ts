/** Why a value cannot be used: what is required instead. */
export class Refusal {
  readonly requirement: string
  /** Shown in place of a value that may hold a secret, or that says too little. */
  readonly shown: string | undefined
  constructor(requirement: string, shown?: string) {
    this.requirement = requirement
    this.shown = shown
  }
}
