/**
 * Expressions of rules: CEL (Common Expression Language), with one arithmetic for JSON numbers and integers.
 *
 * They promise: nothing but the message and the rule's names can be reached; a fault is found at load with its place
 * in the file, or becomes a failure of this one message; no expression runs longer, or makes more, than its budget
 * allows. They do not call out, keep state, or generate code.
 *
 * `lexer` → `parser` (with `macros`) → `checker` (with `call-`, `operator-`, `literal-` and `macro-checker`) →
 * `compiler` (with `access`, `logic`, `arithmetic`, `call`, `optional-call`, `comprehension` and its `folds`) make
 * closures over one `Scope`. `type` says what the checker knows; `value` what there is at run time, in which `form`,
 * and `result` how it leaves. `functions/` holds the table of functions; `names` the names a rule may use; `template`
 * reads text with `${…}`.
 */
import { TrestleError } from '../../contract/error.ts'
import { Checker, type ExpressionFault } from './checker.ts'
import { Compiler } from './compiler.ts'
import type { Dependence, Names } from './names.ts'
import { parseExpression } from './parser.ts'
import { holdsOptional, leaving, plainType } from './result.ts'
import type { Evaluate, Origin } from './scope.ts'
import { dyn, type Type } from './type.ts'

export interface Expression {
  readonly evaluate: Evaluate
  readonly type: Type
  readonly depends: Dependence
  /** The value of a literal, which no message changes. */
  readonly constant: { readonly value: unknown } | null
}

export interface CompiledText<T> {
  /** null when there are faults. */
  readonly compiled: T | null
  readonly faults: readonly ExpressionFault[]
}

/** What to compile and where it stands: an expression begins at `start`; in a template it ends at its `}`. */
export interface Source {
  readonly text: string
  readonly origin: Origin
  readonly start?: number
  readonly inTemplate?: boolean
}

/** Compiles one expression. Offsets of faults count from the beginning of `source.text`. */
export function compileExpression(source: Source, names: Names): CompiledText<Expression> & { readonly end: number } {
  const { text, origin, start = 0, inTemplate = false } = source
  let end = text.length
  try {
    const parsed = parseExpression(text, start, inTemplate)
    end = parsed.end
    const checker = new Checker(names)
    const type = checker.checkValue(parsed.node)
    if (holdsOptional(type))
      checker.report('E204', start, 'a value in it may be absent: say what then, with .orValue(…)')
    if (checker.faults.length > 0) return { compiled: null, faults: checker.faults, end }
    const compiler = new Compiler(names, origin)
    const inner = compiler.compile(parsed.node)
    const evaluate = leaving(inner, parsed.node, compiler.mixes, compiler.site(parsed.node))
    const constant = parsed.node.kind === 'literal' ? { value: parsed.node.value } : null
    return { compiled: { evaluate, type: plainType(type), depends: checker.depends, constant }, faults: [], end }
  } catch (thrown) {
    const error = TrestleError.from(thrown, 'E202')
    const offset = typeof error.detail['offset'] === 'number' ? error.detail['offset'] : start
    return { compiled: null, faults: [{ code: error.code, offset, message: error.message }], end }
  }
}

/** The expression that is always this value. */
export const constantExpression = (value: unknown, type: Type = dyn): Expression => ({
  evaluate: () => value,
  type,
  depends: 'nothing',
  constant: { value },
})
