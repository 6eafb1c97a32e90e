/** How numbers, sizes and times are written for a person. Pure; `--json` never passes here. */

/** What stands where there is nothing to tell. */
export const nothing = '–'

/** `9812` → `9,812`. */
export const printCount = (count: number): string => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',')

/** `1 fault`, `2 faults`. */
export const printPlural = (count: number, noun: string, many = `${noun}s`): string =>
  `${printCount(count)} ${count === 1 ? noun : many}`

/** Whole numbers from 10 on, one decimal below. *Unit*: per second. */
export function printRate(perS: number): string {
  if (perS >= 9.95) return printCount(perS)
  if (perS > 0 && perS < 0.05) return '<0.1'
  return perS.toFixed(1).replace('.0', '')
}

const sizeUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `1100000000` → `1.1 GB`; powers of 1000. *Unit*: bytes. */
export function printSize(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.5 of a unit would be written as 1,000 of it.
  while (value >= 999.5 && unit < sizeUnits.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1
  return `${value.toFixed(digits)} ${sizeUnits[unit]}`
}

const timeUnits = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** The largest unit that fits: `4 min`, `3 d`. *Unit*: ms. */
export function printAge(ms: number): string {
  for (const [name, size] of timeUnits) if (ms >= size) return `${printCount(Math.floor(ms / size))} ${name}`
  return '0 s'
}

/** The two largest units: `3 d 4 h`, `5 min 2 s`. *Unit*: ms. */
export function printLongAge(ms: number): string {
  const first = timeUnits.findIndex(([, size]) => ms >= size)
  const next = timeUnits[first + 1]
  const rest = first < 0 || next === undefined ? 0 : Math.floor((ms % timeUnits[first]![1]) / next[1])
  return next === undefined || rest === 0 ? printAge(ms) : `${printAge(ms)} ${rest} ${next[0]}`
}

/** `2026-11-20 13:17:04` in the reader's time zone. *Unit*: ms since the epoch. */
export function printTime(timeMs: number): string {
  const time = new Date(timeMs)
  const two = (part: number) => String(part).padStart(2, '0')
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}

/** Text of strangers (topics, errors of far sides) with every control character made visible: none may steer the terminal. */
export const printSafe = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    const code = character.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
  })
