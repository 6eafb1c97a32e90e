import type { FunctionRow } from './functions/row.ts'
import type { Type } from './type.ts'
import type { TypeValue } from './value.ts'

/** The operators of two operands. */
export type BinaryOperator = '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '%'

interface Placed {
  /** Where it stands: an operator's own place, a field's name, else the first character. *Unit*: characters. */
  readonly at: number
  /** What the checker found. */
  type: Type
}

export interface LiteralNode extends Placed {
  readonly kind: 'literal'
  readonly value: unknown
}
export interface NameNode extends Placed {
  readonly kind: 'name'
  readonly name: string
  /** `.name`: one of the rule's names, whatever a macro calls its variable. */
  readonly root: boolean
  /** The macro's variable it stands for, found by the checker. */
  local: Local | null
}
/**
 * Where a macro keeps the value of its variable while it runs. One cell per place in the text is enough: an expression
 * never runs inside itself.
 */
export interface Local {
  value: unknown
}
/** `of.field`, `of.?field` and, with `test`, `has(of.field)`. */
export interface SelectNode extends Placed {
  readonly kind: 'select'
  readonly of: Node
  readonly field: string
  readonly optional: boolean
  readonly test: boolean
  /** The type that the whole chain of names denotes (`google.protobuf.Timestamp`), found by the checker. */
  denotes: TypeValue | null
}
export interface IndexNode extends Placed {
  readonly kind: 'index'
  readonly of: Node
  readonly index: Node
  readonly optional: boolean
}
export interface CallNode extends Placed {
  readonly kind: 'call'
  /** null for `size(x)`; for `math.abs(x)` the checker finds that `math` is no value. */
  readonly receiver: Node | null
  readonly name: string
  readonly args: readonly Node[]
  /** The function the checker chose; null for the optional's special forms. */
  row: FunctionRow | null
  /** The receiver is a namespace, not a value. */
  namespaced: boolean
}
export interface UnaryNode extends Placed {
  readonly kind: 'unary'
  readonly operator: '!' | '-'
  readonly of: Node
}
export interface BinaryNode extends Placed {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: Node
  readonly right: Node
}
export interface ChoiceNode extends Placed {
  readonly kind: 'choice'
  readonly condition: Node
  readonly yes: Node
  readonly no: Node
}
export interface ListNode extends Placed {
  readonly kind: 'list'
  readonly items: readonly Node[]
  /** Indexes of items written `?x`, which are left out when they are absent. */
  readonly optional: ReadonlySet<number>
}
export interface MapNode extends Placed {
  readonly kind: 'map'
  readonly keys: readonly Node[]
  readonly values: readonly Node[]
  /** Indexes of entries written `?key: x`. */
  readonly optional: ReadonlySet<number>
}
/** `of.all(x, condition)` and its kin, as macros.ts lists them. */
export interface MacroNode extends Placed {
  readonly kind: 'macro'
  readonly name: MacroName
  readonly of: Node
  readonly variables: readonly Variable[]
  /** What is evaluated for each element, if it passes `filter`. */
  readonly body: Node
  readonly filter: Node | null
}
/** `cel.bind(name, value, body)` */
export interface BindNode extends Placed {
  readonly kind: 'bind'
  readonly variable: Variable
  readonly value: Node
  readonly body: Node
}
export interface Variable {
  readonly name: string
  readonly local: Local
  /** What the checker found. */
  type: Type
}
export type MacroName =
  | 'all'
  | 'exists'
  | 'existsOne'
  | 'map'
  | 'filter'
  | 'transformMap'
  | 'transformMapEntry'
  | 'sortBy'
  | 'optMap'
  | 'optFlatMap'

export type Node =
  | LiteralNode
  | NameNode
  | SelectNode
  | IndexNode
  | CallNode
  | UnaryNode
  | BinaryNode
  | ChoiceNode
  | ListNode
  | MapNode
  | MacroNode
  | BindNode
