import type { CallNode, Node } from './ast.ts'
import { toPlain } from './form.ts'
import type { Accepts, FunctionRow, Run } from './functions/row.ts'
import type { NodeCompiler } from './node-compiler.ts'
import { compileOptionalForm } from './optional-call.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import { mixed, type Type } from './type.ts'
import { failed, kindOf, Uint } from './value.ts'

/** A call as a closure that evaluates its arguments from left to right, proves them, and runs the function's body. */
export function compileCall(compiler: NodeCompiler, node: CallNode): Evaluate {
  const { row, receiver } = node
  if (row === null) return compileOptionalForm(compiler, node)
  const nodes = row.receiver === null || receiver === null ? node.args : [receiver, ...node.args]
  const types = nodes.map(({ type }) => type)
  const dynamic = typeof row.dynamic === 'function' ? row.dynamic(types) : row.dynamic
  if (dynamic) compiler.mixes = true
  const args = nodes.map((argument) => (dynamic ? compiler.as(argument, mixed) : compiler.compile(argument)))
  const sites = nodes.map((argument) => compiler.site(argument))
  const accepts = row.receiver === null ? row.args : [row.receiver, ...row.args]
  const site = compiler.site(node)
  const prove = args.map((_, at) => accepts[at]!)
  const call = row.variadic
    ? compileVariadic(row, args, sites, accepts[accepts.length - 1]!, site)
    : compileFixed(row.name, row.run, args, prove, sites, site)
  const answer = dynamic && isNumeric(node.type) ? inStaticForm(call) : call
  return isConstant(node) ? folded(answer, compiler.constants) : answer
}

const isNumeric = ({ kind }: Type): boolean => kind === 'int' || kind === 'uint' || kind === 'double'

/** What a body answers that tells kinds apart, where the static type tells already. */
const inStaticForm =
  (call: Evaluate): Evaluate =>
  (scope) => {
    const value = call(scope)
    return typeof value === 'bigint' || value instanceof Uint ? toPlain(scope, value) : value
  }

/** Whether no message can change the value: `duration("1h")`. */
function isConstant(node: Node): boolean {
  if (node.kind !== 'call') return node.kind === 'literal'
  if (node.row === null || node.row.ofMessage) return false
  const receives = node.row.receiver === null || node.receiver === null || isConstant(node.receiver)
  return receives && node.args.every(isConstant)
}

/** The value found at load; what fails, or is too much work, is left to each message. */
function folded(call: Evaluate, scope: Scope): Evaluate {
  const value = call(scope)
  return value === failed ? call : () => value
}

/** What bodies see of arguments that were left out. */
const absent = undefined as never

/**
 * A value that did not pass as it was: an integer in the form that tells kinds apart may pass as a plain one; any
 * other is refused.
 */
function passOrRefuse(scope: Scope, site: Site, name: string, accepts: Accepts, value: unknown): unknown {
  if (value === failed) return failed
  const plain = typeof value === 'bigint' || value instanceof Uint ? toPlain(scope, value) : value
  if (accepts.test(plain)) return plain
  return scope.fail(site, `${name}() needs ${accepts.phrase}, and got ${kindOf(value)}`)
}

/** An argument, proved. */
const proved =
  (argument: Evaluate, accepts: Accepts, site: Site, name: string): Evaluate =>
  (scope) => {
    const value = argument(scope)
    return value !== failed && accepts.test(value) ? value : passOrRefuse(scope, site, name, accepts, value)
  }

/** One closure per number of arguments, so that none of them allocates a list. */
function compileFixed(
  name: string,
  run: Run,
  args: readonly Evaluate[],
  prove: readonly Accepts[],
  sites: readonly Site[],
  site: Site,
): Evaluate {
  if (args.length === 0) return (scope) => run(scope, site, absent, absent, absent, absent)
  const [first, second, third, fourth] = args.map((argument, at) =>
    proved(argument, prove[at]!, sites[at]!, name),
  ) as unknown as readonly [Evaluate, Evaluate, Evaluate, Evaluate?]
  if (args.length === 1) {
    return (scope) => {
      const x = first(scope)
      return x === failed ? failed : run(scope, site, x as never, absent, absent, absent)
    }
  }
  if (args.length === 2) {
    return (scope) => {
      const x = first(scope)
      if (x === failed) return failed
      const y = second(scope)
      return y === failed ? failed : run(scope, site, x as never, y as never, absent, absent)
    }
  }
  return (scope) => {
    const x = first(scope)
    if (x === failed) return failed
    const y = second(scope)
    if (y === failed) return failed
    const z = third(scope)
    if (z === failed) return failed
    if (fourth === undefined) return run(scope, site, x as never, y as never, z as never, absent)
    const w = fourth(scope)
    return w === failed ? failed : run(scope, site, x as never, y as never, z as never, w as never)
  }
}

function compileVariadic(
  row: FunctionRow,
  args: readonly Evaluate[],
  sites: readonly Site[],
  accepts: Accepts,
  site: Site,
): Evaluate {
  const all = args.map((argument, at) => proved(argument, accepts, sites[at]!, row.name))
  return (scope) => {
    const values: unknown[] = []
    for (const argument of all) {
      const value = argument(scope)
      if (value === failed) return failed
      values.push(value)
    }
    return row.run(scope, site, values as never, absent, absent, absent)
  }
}
