import type { CallNode } from './ast.ts'
import { converter } from './form.ts'
import type { NodeCompiler } from './node-compiler.ts'
import type { Evaluate } from './scope.ts'
import { Duration, failed, isMap, none, Timestamp, Uint } from './value.ts'

/** The optional's own forms, which evaluate their argument only when it is needed. */
export function compileOptionalForm(compiler: NodeCompiler, node: CallNode): Evaluate {
  if (node.namespaced) return compileMaker(compiler, node)
  const receiver = node.receiver!
  const of = compiler.compile(receiver)
  const site = compiler.site(node)
  switch (node.name) {
    case 'hasValue':
      return (scope) => {
        const value = of(scope)
        return value === failed ? failed : value !== none
      }
    case 'value':
      return (scope) => {
        const value = of(scope)
        return value === none ? scope.fail(site, 'the value is absent') : value
      }
    default: {
      const [argument] = node.args
      // What is there takes the form of what the whole gives: of orValue() no optional any more.
      const opened = receiver.type.kind === 'optional' && node.name === 'orValue' ? receiver.type.of : receiver.type
      const convert = converter(opened, node.type)
      if (convert !== null) compiler.mixes = true
      const otherwise = compiler.as(argument!, node.type)
      return (scope) => {
        const value = of(scope)
        if (value === none) return otherwise(scope)
        return convert === null || value === failed ? value : convert(scope, value)
      }
    }
  }
}

/** `optional.of(x)`, `optional.none()`, `optional.ofNonZeroValue(x)`. */
function compileMaker(compiler: NodeCompiler, node: CallNode): Evaluate {
  const [argument] = node.args
  if (argument === undefined) return () => none
  const of = compiler.compile(argument)
  if (node.name === 'of') return of
  return (scope) => {
    const value = of(scope)
    return isZero(value) ? none : value
  }
}

/** Whether a value is its type's empty one. *Source*: cel-go, `optional.ofNonZeroValue`. */
function isZero(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return value === null || value === false || value === '' || value === 0 || value === 0n
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  if (value instanceof Uint) return value.unsigned === 0n
  if (value instanceof Duration) return value.durationMs === 0 && value.nanosOfMs === 0
  if (value instanceof Timestamp) return value.epochMs === 0 && value.nanosOfMs === 0
  return isMap(value) && Object.keys(value).length === 0
}
