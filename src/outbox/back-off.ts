/** How long to wait before trying again. */
export interface BackOffLimits {
  readonly baseMs: number
  readonly capMs: number
}

export const defaultBackOff: BackOffLimits = { baseMs: 100, capMs: 30_000 }

/** After so many doublings the cap is long reached; more would overflow. */
const maxDoublings = 30

/**
 * Full jitter: any time between nothing and `base × 2^(failures − 1)`, at most the cap, so that many who failed
 * together do not come back together. `random` answers 0 ≤ x < 1.
 */
export const backOffMs = (failures: number, random: () => number, limits: BackOffLimits = defaultBackOff): number =>
  Math.ceil(random() * Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(failures - 1, maxDoublings)))
