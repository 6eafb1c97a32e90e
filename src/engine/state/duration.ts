const units: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3, d: 86_400e3 }

/** What `readDuration` understands, for the schema. */
export const durationPattern = '^\\d+(\\.\\d+)? ?(ms|s|m|min|h|d)$'

/** `90s`, `1.5 h` or `10m` in ms; NaN for anything else. */
export function readDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(text) ?? []
  const factor = units[unit ?? '']
  return number === undefined || factor === undefined ? Number.NaN : Math.round(Number(number) * factor)
}
