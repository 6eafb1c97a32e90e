import { Checker } from '../../../src/engine/expression/checker.ts'
import { Compiler } from '../../../src/engine/expression/compiler.ts'
import type { Names, Variable } from '../../../src/engine/expression/names.ts'
import { parseExpression } from '../../../src/engine/expression/parser.ts'
import { Scope } from '../../../src/engine/expression/scope.ts'
import { mixed } from '../../../src/engine/expression/type.ts'
import { failed } from '../../../src/engine/expression/value.ts'
import { fromType, printShape, sameValue, toType, toValue } from './proto-value.ts'

/** One test of cel-spec, as convert.ts writes it. */
export interface Case {
  readonly name: string
  readonly expr: string
  readonly container?: string
  readonly disable_check?: true
  readonly check_only?: true
  readonly types?: Readonly<Record<string, ProtoObject>>
  readonly bindings?: Readonly<Record<string, ProtoObject>>
  readonly outcome: Readonly<Record<string, ProtoObject>>
}
export type ProtoObject = { readonly [field: string]: unknown }

/** Whether a test is about protobuf messages, which expressions do not have. */
export const isAboutMessages = (test: Case): boolean =>
  /TestAllTypes|NestedTestAllTypes|GlobalEnum|google\.(?:protobuf|type)\.\w+\s*[{(]|google\.protobuf\.\w*Value/.test(
    test.expr,
  ) ||
  (/message_type|object_value|well_known|wrapper|abstract_type/.test(JSON.stringify([test.types, test.bindings])) &&
    !/protobuf\.(?:Duration|Timestamp)\]/.test(JSON.stringify(test.bindings))) ||
  /wrapper|message_type/.test(JSON.stringify(test.outcome))

/** Runs a test: null when it passes, else what came instead. */
export function runCase(test: Case): string | null {
  const { expr, outcome } = test
  const [kind, wanted] = Object.entries(outcome)[0]!
  let answer: Answer
  try {
    answer = evaluate(test)
  } catch (thrown) {
    answer = { fault: (thrown as Error).message }
  }
  if (kind === 'eval_error') return 'value' in answer ? `${expr} gave ${show(answer.value)}` : null
  if ('fault' in answer) return `${expr} failed: ${answer.fault}`
  if (kind === 'typed_result') {
    const { deduced_type: type, result } = wanted as { deduced_type?: ProtoObject; result?: ProtoObject }
    if (type !== undefined && printShape(fromType(answer.type)) !== printShape(type)) {
      return `${expr} has type ${printShape(fromType(answer.type))}, not ${printShape(type)}`
    }
    return result === undefined || sameValue(answer.value, result) ? null : `${expr} gave ${show(answer.value)}`
  }
  return sameValue(answer.value, wanted) ? null : `${expr} gave ${show(answer.value)}, not ${JSON.stringify(wanted)}`
}

type Answer = { value: unknown; type: ReturnType<Checker['check']> } | { fault: string }

function evaluate(test: Case): Answer {
  const names: Names = new Map(
    [...new Set([...Object.keys(test.types ?? {}), ...Object.keys(test.bindings ?? {})])].map((name) => [
      name,
      variable(test, name),
    ]),
  )
  const { node } = parseExpression(test.expr)
  const checker = new Checker(names)
  const type = checker.check(node)
  if (checker.faults.length > 0) return { fault: checker.faults.map(({ message }) => message).join('; ') }
  if (test.check_only) return { value: undefined, type }
  const scope = new Scope()
  // The form in which ints, uints and doubles can be told apart, and optionals from their values.
  const value = new Compiler(names, { path: [] }).as(node, mixed)(scope)
  return value === failed ? { fault: scope.reason } : { value, type }
}

function variable(test: Case, name: string): Variable {
  const type = toType((test.types?.[name]?.['ident'] as ProtoObject | undefined)?.['type'] as ProtoObject | undefined)
  const bound = test.bindings?.[name]?.['value'] as ProtoObject | undefined
  const value = bound === undefined ? undefined : toValue(bound, type)
  return {
    type,
    depends: 'message',
    read: (scope) => (bound === undefined ? scope.fail(scope.site, `${name} is unbound`) : value),
  }
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `int ${part}` : part)) ?? String(value)
