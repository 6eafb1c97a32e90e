import { bitFunctions } from './bit-math.ts'
import { byteFunctions } from './bytes.ts'
import { conversionFunctions } from './conversions.ts'
import { digestFunctions } from './digests.ts'
import { encoderFunctions } from './encoders.ts'
import { formatFunctions } from './format.ts'
import { jsonFunctions } from './json.ts'
import { listFunctions } from './lists.ts'
import { numberFunctions } from './numbers.ts'
import { patternFunctions } from './patterns.ts'
import { placeFunctions } from './places.ts'
import type { FunctionRow } from './row.ts'
import { stringFunctions } from './strings.ts'
import { timeFunctions } from './times.ts'
import { topicFunctions } from './topics.ts'
import { unitFunctions } from './units.ts'

/** Functions of one subject, as the reference prints them. */
export interface FunctionGroup {
  readonly title: string
  readonly rows: readonly FunctionRow[]
}

export const functionGroups: readonly FunctionGroup[] = [
  { title: 'Conversions', rows: conversionFunctions },
  { title: 'Text', rows: [...stringFunctions, ...formatFunctions] },
  { title: 'Patterns', rows: patternFunctions },
  { title: 'Topics', rows: topicFunctions },
  { title: 'Numbers', rows: [...numberFunctions, ...bitFunctions] },
  { title: 'Units', rows: unitFunctions },
  { title: 'Lists and sets', rows: listFunctions },
  { title: 'Times', rows: timeFunctions },
  { title: 'Binary payloads', rows: byteFunctions },
  { title: 'Data within text, and other letters', rows: [...jsonFunctions, ...encoderFunctions] },
  { title: 'Digests, checksums and identifiers', rows: digestFunctions },
  { title: 'Places', rows: placeFunctions },
]

/** Every function of the language, printed in `docs/reference/expressions.md`. */
export const functions: readonly FunctionRow[] = functionGroups.flatMap(({ rows }) => rows)

/** Words before a dot that are no value: `math.abs`. */
export const namespaces: ReadonlySet<string> = new Set(
  functions
    .filter((row) => row.name.includes('.'))
    .map((row) => row.name.split('.', 1)[0]!)
    .concat('optional'),
)

const byName = (rows: readonly FunctionRow[]): ReadonlyMap<string, FunctionRow> =>
  new Map(rows.map((row) => [row.name, row]))

/** `text.startsWith(…)` */
export const methods = byName(functions.filter((row) => row.receiver !== null))
/** `size(…)`, `math.abs(…)` */
export const plainFunctions = byName(functions.filter((row) => row.receiver === null))
