import { conversionFunctions } from './conversions.ts'
import { listFunctions } from './lists.ts'
import { numberFunctions } from './numbers.ts'
import { patternFunctions } from './patterns.ts'
import type { FunctionRow } from './row.ts'
import { stringFunctions } from './strings.ts'

/** Every function of the language, printed in `docs/reference/expressions.md`. */
export const functions: readonly FunctionRow[] = [
  ...stringFunctions,
  ...patternFunctions,
  ...listFunctions,
  ...numberFunctions,
  ...conversionFunctions,
]

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
