/** What a number with a unit measures; the setting's own name ends in the unit of a bare number (`_bytes`, `_ms`, `_s`). */
export type Quantity = 'bytes' | 'ms' | 's'

const units: Record<Quantity, Readonly<Record<string, number>>> = {
  bytes: {
    B: 1,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    KiB: 2 ** 10,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
  },
  ms: { ms: 1, s: 1e3, min: 60e3, h: 3600e3, d: 86400e3 },
  s: { s: 1, min: 60, h: 3600, d: 86400 },
}

/** The pattern of the strings that `readQuantity` understands, for the schema. */
export const quantityPattern = (quantity: Quantity): string =>
  `^\\d+(\\.\\d+)?( ?(${Object.keys(units[quantity]).join('|')}))?$`

/** `64 MB` as 64,000,000, `64 MiB` as 67,108,864, `1.5 s` as 1,500; a bare number as it is; NaN for anything else. */
export function readQuantity(quantity: Quantity, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? []
  const factor = unit === '' ? 1 : units[quantity][unit ?? '?']
  return number === undefined || factor === undefined ? Number.NaN : Math.round(Number(number) * factor)
}
