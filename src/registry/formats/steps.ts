/**
 * What checking one payload may cost. References and branches of a schema can ask for 2^30 steps on a payload of sixty
 * bytes (`$defs` that each refer twice to the next), and no text shows it; so the checks count as they go.
 */
export const maxSteps = 100_000
/** What holding a schema against its dialect may cost. */
export const maxCompileSteps = 300_000

let left = maxSteps

/** Begins the check of another payload. */
export function beginSteps(steps = maxSteps): void {
  left = steps
}

/** *Errors*: throws `OutOfSteps` when nothing is left. */
export function spendSteps(steps: number): void {
  left -= steps
  if (left < 0) throw new OutOfSteps()
}

export class OutOfSteps extends Error {
  constructor() {
    super('takes more steps to check than a payload may')
  }
}
