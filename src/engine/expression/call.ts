import type { CallNode, Node } from './ast.ts'
import type { Accepts, FunctionRow, Run } from './functions/row.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import { failed, kindOf, none } from './value.ts'

/** What the compiling of calls needs of the compiler around it. */
export interface NodeCompiler {
  compile(node: Node): Evaluate
  site(node: Node): Site
}

/** A call as a closure that evaluates its arguments from left to right, proves them, and runs the function's body. */
export function compileCall(compiler: NodeCompiler, node: CallNode): Evaluate {
  const { row, receiver } = node
  if (row === null) return compileOptionalForm(compiler, node)
  const nodes = row.receiver === null || receiver === null ? node.args : [receiver, ...node.args]
  const args = nodes.map((argument) => compiler.compile(argument))
  const sites = nodes.map((argument) => compiler.site(argument))
  const accepts = row.receiver === null ? row.args : [row.receiver, ...row.args]
  const site = compiler.site(node)
  if (row.variadic) return compileVariadic(row, args, sites, accepts[accepts.length - 1]!, site)
  const prove = args.map((_, at) => accepts[at]!)
  return compileFixed(row.name, row.run, args, prove, sites, site)
}

/** What bodies see of arguments that were left out. */
const absent = undefined as never

const refuse = (scope: Scope, site: Site, name: string, accepts: Accepts, value: unknown): typeof failed =>
  value === failed ? failed : scope.fail(site, `${name}() needs ${accepts.phrase}, and got ${kindOf(value)}`)

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
  const [a, b, c, d] = args as readonly [Evaluate, Evaluate, Evaluate, Evaluate]
  const [pa, pb, pc, pd] = prove as readonly [Accepts, Accepts, Accepts, Accepts]
  const first: Evaluate = (scope) => {
    const value = a(scope)
    return value !== failed && pa.test(value) ? value : refuse(scope, sites[0]!, name, pa, value)
  }
  const second: Evaluate = (scope) => {
    const value = b(scope)
    return value !== failed && pb.test(value) ? value : refuse(scope, sites[1]!, name, pb, value)
  }
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
    const z = c(scope)
    if (z === failed || !pc.test(z)) return refuse(scope, sites[2]!, name, pc, z)
    if (d === undefined) return run(scope, site, x as never, y as never, z as never, absent)
    const w = d(scope)
    if (w === failed || !pd.test(w)) return refuse(scope, sites[3]!, name, pd, w)
    return run(scope, site, x as never, y as never, z as never, w as never)
  }
}

function compileVariadic(
  row: FunctionRow,
  args: readonly Evaluate[],
  sites: readonly Site[],
  accepts: Accepts,
  site: Site,
): Evaluate {
  return (scope) => {
    const values: unknown[] = []
    for (let at = 0; at < args.length; at++) {
      const value = args[at]!(scope)
      if (value === failed || !accepts.test(value)) return refuse(scope, sites[at]!, row.name, accepts, value)
      values.push(value)
    }
    return row.run(scope, site, values as never, absent, absent, absent)
  }
}

/** The optional's own forms, which evaluate their argument only when it is needed. */
function compileOptionalForm(compiler: NodeCompiler, node: CallNode): Evaluate {
  const argument = node.args[0] === undefined ? null : compiler.compile(node.args[0])
  if (node.namespaced) return argument ?? (() => none)
  const of = compiler.compile(node.receiver!)
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
    default:
      return (scope) => {
        const value = of(scope)
        return value === none ? argument!(scope) : value
      }
  }
}
