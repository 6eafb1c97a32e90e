import { LinearPattern, type StepBudget } from '../../document/linear-pattern.ts'
import { spendSteps } from './steps.ts'

/** What ajv needs of a regular expression. */
export interface Pattern {
  test(text: string): boolean
  toString(): string
}

/**
 * A `pattern` of a schema, run in linear time: schemas are written by many, and payloads by anyone. Each step of the
 * way counts as a part of what checking the payload may cost.
 * *Errors*: throws `RefusedPattern` for what RE2 refuses on purpose (look-around, back references), and for what is too large.
 */
export function linearPattern(pattern: string, flags: string): Pattern {
  const compiled = LinearPattern.compile(toRe2Syntax(pattern))
  if (typeof compiled === 'string') throw new RefusedPattern(compiled)
  return {
    test: (text) => compiled.test(text, steps),
    toString: () => `/${pattern}/${flags}`,
  }
}

export class RefusedPattern extends Error {}

/** A step of a pattern is one of a check; the last one throws. */
const steps: StepBudget = {
  spend(some) {
    spendSteps(some)
    return true
  },
}

/** ajv prints this into standalone code, which we do not use. */
linearPattern.code = 'linearPattern'

/** What ECMAScript takes for white space, as parts of a character class. RE2 knows ASCII's alone. */
const space = '\\t\\n\\v\\f\\r \\x{a0}\\x{feff}\\x{2028}\\x{2029}\\p{Zs}'

/** Long names of general categories. *Source*: Unicode, PropertyValueAliases. */
const categories: Readonly<Record<string, string>> = {
  Letter: 'L',
  Uppercase_Letter: 'Lu',
  Lowercase_Letter: 'Ll',
  Titlecase_Letter: 'Lt',
  Modifier_Letter: 'Lm',
  Other_Letter: 'Lo',
  Mark: 'M',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Letter_Number: 'Nl',
  Other_Number: 'No',
  Punctuation: 'P',
  punct: 'P',
  Symbol: 'S',
  Math_Symbol: 'Sm',
  Currency_Symbol: 'Sc',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Control: 'Cc',
}

/**
 * ECMAScript writes some things in ways RE2 does not know: `\u00e9`, `\u{1f600}`, `\cJ`, `\/`, `(?<name>`,
 * `\p{Letter}`, `\p{Script=Greek}`, and means more by `\s`.
 */
function toRe2Syntax(pattern: string): string {
  let inClass = false
  return pattern.replace(
    /\\u\{([0-9a-fA-F]+)\}|\\u([0-9a-fA-F]{4})|\\c([A-Za-z])|\\([pP])\{([^}]*)\}|\(\?<(?![=!])|\\[\s\S]|[[\]]/g,
    (found, braced?: string, plain?: string, control?: string, property?: string, name: string = '') => {
      const code = braced ?? plain
      if (code !== undefined) return `\\x{${code}}`
      if (control !== undefined) return `\\x{${(control.charCodeAt(0) & 31).toString(16)}}`
      if (property !== undefined) return `\\${property}{${propertyName(name)}}`
      if (found === '[' || found === ']') {
        inClass = found === '['
        return found
      }
      if (found === '\\/') return '/'
      if (found === '\\s') return inClass ? space : `[${space}]`
      // Within a class it stays ASCII's: RE2 cannot subtract.
      if (found === '\\S') return inClass ? found : `[^${space}]`
      return found === '(?<' ? '(?P<' : found
    },
  )
}

function propertyName(name: string): string {
  const [key, value] = name.split('=')
  if (value === undefined) return Object.hasOwn(categories, name) ? categories[name]! : name
  return /^(gc|General_Category)$/.test(key!) && Object.hasOwn(categories, value) ? categories[value]! : value
}
