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

/** A step of a pattern is a tenth of one of a check; the last one throws. */
const steps: StepBudget = {
  spend(some) {
    spendSteps(some / 10)
    return true
  },
}

/** ajv prints this into standalone code, which we do not use. */
linearPattern.code = 'linearPattern'

/** ECMAScript writes some things in ways RE2 does not know: `\u00e9`, `\u{1f600}`, `\cJ`, `\/`, `(?<name>`. */
const toRe2Syntax = (pattern: string): string =>
  pattern.replace(
    /\\u\{([0-9a-fA-F]+)\}|\\u([0-9a-fA-F]{4})|\\c([A-Za-z])|\\\/|\\-|\(\?<(?![=!])|\\[\s\S]/g,
    (found, braced?: string, plain?: string, control?: string) => {
      const code = braced ?? plain
      if (code !== undefined) return `\\x{${code}}`
      if (control !== undefined) return `\\x{${(control.charCodeAt(0) & 31).toString(16)}}`
      if (found === '\\/') return '/'
      return found === '(?<' ? '(?P<' : found
    },
  )
