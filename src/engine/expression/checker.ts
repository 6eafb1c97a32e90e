import type { Code } from '../../contract/codes.ts'
import { suggest } from '../../document/suggest.ts'
import type { BinaryNode, CallNode, IndexNode, MapNode, Node, SelectNode } from './ast.ts'
import { checkCall } from './call-checker.ts'
import { namespaces } from './functions/table.ts'
import type { Dependence, Names } from './names.ts'
import {
  bool,
  comparable,
  double,
  dyn,
  familyOf,
  joinTypes,
  listOf,
  mapOf,
  optionalOf,
  printType,
  type RecordType,
  type Type,
} from './type.ts'

/** Something wrong in an expression. *Unit*: `offset` counts characters in the string it stands in. */
export interface ExpressionFault {
  readonly code: Code
  readonly offset: number
  readonly message: string
  readonly suggestion?: string
}

const ranks: readonly Dependence[] = ['nothing', 'topic', 'message', 'item']

/** The stronger of two dependences. */
export const more = (a: Dependence, b: Dependence): Dependence => (ranks.indexOf(a) > ranks.indexOf(b) ? a : b)

/**
 * Finds the type of every node and what surely must fail: unknown names and fields, types that do not fit. What only
 * the message can tell passes. Types are left on the nodes for the compiler.
 */
export class Checker {
  readonly names: Names
  readonly faults: ExpressionFault[] = []
  /** What the whole expression depends on, of the message. */
  depends: Dependence = 'nothing'

  constructor(names: Names) {
    this.names = names
  }

  /** Notes a fault and answers the type to go on with. */
  report(code: Code, offset: number, message: string, suggestion?: string): Type {
    this.faults.push({ code, offset, message, ...(suggestion === undefined ? {} : { suggestion }) })
    return dyn
  }

  check(node: Node): Type {
    node.type = this.#typeOf(node)
    return node.type
  }

  /** Checks a node whose value is used as it is: an optional must be opened before. */
  checkValue(node: Node): Type {
    const type = this.check(node)
    if (type.kind !== 'optional') return type
    return this.report('E204', node.at, 'this value may be absent: say what then, with .orValue(…)')
  }

  #typeOf(node: Node): Type {
    switch (node.kind) {
      case 'literal':
        return node.type
      case 'name':
        return this.#name(node.name, node.at)
      case 'select':
        return this.#select(node)
      case 'index':
        return this.#index(node)
      case 'call':
        return checkCall(this, node as CallNode)
      case 'unary':
        return this.#unary(node.operator, this.checkValue(node.of), node.at)
      case 'binary':
        return this.#binary(node)
      case 'choice':
        this.#mustBeBool(this.checkValue(node.condition), node.at, '?')
        return joinTypes(this.check(node.yes), this.check(node.no))
      case 'list':
        return listOf(node.items.map((item) => this.checkValue(item)).reduce(joinTypes, node.items[0]?.type ?? dyn))
      case 'map':
        return this.#map(node)
    }
  }

  #name(name: string, at: number): Type {
    const variable = this.names.get(name)
    if (variable === undefined) {
      if (namespaces.has(name)) return this.report('E203', at, `\`${name}\` is no value; call one of its functions`)
      return this.report('E203', at, `unknown name \`${name}\``, suggest(name, this.names.keys()))
    }
    this.depends = more(this.depends, variable.depends)
    return variable.type
  }

  #select(node: SelectNode): Type {
    const of = this.check(node.of)
    const optional = of.kind === 'optional'
    const field = this.#fieldOf(optional ? of.of : of, node)
    if (node.test) return bool
    return optional || node.optional ? optionalOf(field) : field
  }

  #fieldOf(of: Type, node: SelectNode): Type {
    if (of.kind === 'record') return this.#declaredField(of, node.field, node.at)
    if (of.kind === 'map') return of.of
    if (of.kind === 'dyn') return dyn
    return this.report('E204', node.at, `${printType(of)} has no fields, so no \`${node.field}\``)
  }

  #declaredField(record: RecordType, field: string, at: number): Type {
    const type = record.fields.get(field)
    if (type !== undefined) return type
    if (record.open) return dyn
    return this.report(
      'E217',
      at,
      `unknown field \`${field}\` in ${record.owner}`,
      suggest(field, record.fields.keys()),
    )
  }

  #index(node: IndexNode): Type {
    const container = this.check(node.of)
    const index = this.checkValue(node.index)
    const optional = node.optional || container.kind === 'optional'
    const element = this.#elementOf(container.kind === 'optional' ? container.of : container, index, node)
    return optional ? optionalOf(element) : element
  }

  #elementOf(of: Type, index: Type, node: IndexNode): Type {
    const wanted = of.kind === 'list' ? 'number' : 'string'
    const family = familyOf(index)
    if (of.kind === 'dyn') return dyn
    if (of.kind !== 'list' && of.kind !== 'map' && of.kind !== 'record') {
      return this.report('E204', node.at, `${printType(of)} has no elements`)
    }
    if (family !== wanted && family !== 'any') {
      return this.report('E204', node.index.at, `${printType(of)} is read by a ${wanted}, not by ${printType(index)}`)
    }
    // A record read by a computed name, or by one its schema leaves out, may give anything.
    if (of.kind !== 'record') return of.of
    return (node.index.kind === 'literal' ? of.fields.get(String(node.index.value)) : undefined) ?? dyn
  }

  #unary(operator: '!' | '-', type: Type, at: number): Type {
    if (operator === '!') return this.#mustBeBool(type, at, '!')
    const family = familyOf(type)
    if (family === 'number') return type
    return family === 'any' ? double : this.report('E204', at, `\`-\` needs a number, not ${printType(type)}`)
  }

  #mustBeBool(type: Type, at: number, operator: string): Type {
    const family = familyOf(type)
    if (family === 'bool' || family === 'any') return bool
    return this.report('E204', at, `\`${operator}\` needs a bool, not ${printType(type)}`)
  }

  #map(node: MapNode): Type {
    for (const key of node.keys) {
      const family = familyOf(this.checkValue(key))
      if (family !== 'string' && family !== 'any') this.report('E204', key.at, 'the keys of an object are strings')
    }
    return mapOf(node.values.map((value) => this.checkValue(value)).reduce(joinTypes, node.values[0]?.type ?? dyn))
  }

  #binary(node: BinaryNode): Type {
    const { operator, at } = node
    const left = this.checkValue(node.left)
    const right = this.checkValue(node.right)
    switch (operator) {
      case '&&':
      case '||':
        this.#mustBeBool(left, at, operator)
        return this.#mustBeBool(right, at, operator)
      case '==':
      case '!=':
        return comparable(left, right) ? bool : this.#misfit(operator, left, right, at, 'never equal')
      case 'in':
        return this.#in(left, right, at)
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#ordered(left, right) ? bool : this.#misfit(operator, left, right, at, 'without an order')
      default:
        return this.#arithmetic(operator, left, right, at)
    }
  }

  #misfit(operator: string, left: Type, right: Type, at: number, why: string): Type {
    return this.report('E204', at, `\`${operator}\` between ${printType(left)} and ${printType(right)}: ${why}`)
  }

  #ordered(left: Type, right: Type): boolean {
    const a = familyOf(left)
    const b = familyOf(right)
    const unordered = (family: string): boolean => family === 'list' || family === 'map' || family === 'null'
    return !unordered(a) && !unordered(b) && (a === b || a === 'any' || b === 'any')
  }

  #in(left: Type, right: Type, at: number): Type {
    const container = familyOf(right)
    if (container === 'any') return bool
    if (container !== 'list' && container !== 'map') {
      return this.report('E204', at, `\`in\` needs a list or an object on its right, not ${printType(right)}`)
    }
    const element: Type = right.kind === 'list' ? right.of : { kind: 'string' }
    return comparable(left, element) ? bool : this.#misfit('in', left, right, at, 'never found')
  }

  #arithmetic(operator: string, left: Type, right: Type, at: number): Type {
    const a = familyOf(left)
    const b = familyOf(right)
    if (a === 'any' && b === 'any') return dyn
    const family = a === 'any' ? b : a
    const fits = a === b || a === 'any' || b === 'any'
    if (fits && family === 'number') return left.kind === 'int' && right.kind === 'int' ? left : double
    if (fits && operator === '+' && (family === 'string' || family === 'bytes')) return a === 'any' ? right : left
    if (fits && operator === '+' && family === 'list')
      return joinTypes(left.kind === 'dyn' ? listOf(dyn) : left, right.kind === 'dyn' ? listOf(dyn) : right)
    return this.report('E204', at, `\`${operator}\` does not fit ${printType(left)} and ${printType(right)}`)
  }
}
