import { RE2JS } from '@bufbuild/re2'
import { spendSteps } from './steps.ts'

/** What ajv needs of a regular expression. */
export interface Pattern {
  test(text: string): boolean
  toString(): string
}

/**
 * A `pattern` of a schema, run by RE2 in linear time: schemas are written by many, and payloads by anyone.
 * *Errors*: throws for what RE2 refuses on purpose (look-around, back references).
 */
export function linearPattern(pattern: string, flags: string): Pattern {
  const compiled = RE2JS.compile(toRe2Syntax(pattern))
  // RE2 walks all ways through the pattern at once: each character costs what the pattern is long.
  const perCharacter = pattern.length / 512
  return {
    test(text) {
      spendSteps(1 + text.length * perCharacter)
      return compiled.test(text)
    },
    toString: () => `/${pattern}/${flags}`,
  }
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
