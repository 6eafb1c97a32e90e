/** Half of a character beyond 0xffff; CEL counts whole ones, JavaScript units of UTF-16. */
export const surrogate = /[\ud800-\udfff]/

/** What counting code points costs; without surrogates they are the units. */
export const walkSteps = (text: string): number => (surrogate.test(text) ? text.length : text.length >> 4)

/** *Unit*: code points. */
export function countCodePoints(text: string): number {
  if (!surrogate.test(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

/** An index of UTF-16 units as one of code points; -1 stays. */
export const toCodePoints = (text: string, unit: number): number =>
  unit <= 0 ? unit : countCodePoints(text.slice(0, unit))

/** An index of code points as one of UTF-16 units; null when it lies outside the text. */
export function toUnits(text: string, at: number): number | null {
  if (at < 0 || at > text.length) return null
  if (!surrogate.test(text)) return at
  let units = 0
  for (let left = at; left > 0; left--) {
    if (units >= text.length) return null
    units += text.codePointAt(units)! > 0xffff ? 2 : 1
  }
  return units
}
