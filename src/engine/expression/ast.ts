import type { FunctionRow } from './functions/row.ts'
import type { Type } from './type.ts'

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
}
/** `of.field`, `of.?field` and, with `test`, `has(of.field)`. */
export interface SelectNode extends Placed {
  readonly kind: 'select'
  readonly of: Node
  readonly field: string
  readonly optional: boolean
  readonly test: boolean
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
}
export interface MapNode extends Placed {
  readonly kind: 'map'
  readonly keys: readonly Node[]
  readonly values: readonly Node[]
}

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
