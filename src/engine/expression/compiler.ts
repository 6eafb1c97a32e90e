import { compileHas, compileIndex, compileOptionalSelect, compileSelect, labelOf } from './access.ts'
import { type ArithmeticOperator, compileArithmetic, compileNegation } from './arithmetic.ts'
import type {
  BinaryNode,
  BinaryOperator,
  CallNode,
  ChoiceNode,
  IndexNode,
  ListNode,
  MapNode,
  NameNode,
  Node,
} from './ast.ts'
import { compileCall } from './call.ts'
import { compileBinding, compileMacro } from './comprehension.ts'
import { converter } from './form.ts'
import { compileComparison, compileEquality, compileIn, compileLogic, compileNot, notBool } from './logic.ts'
import { MapMaker } from './map-maker.ts'
import type { Names } from './names.ts'
import type { NodeCompiler } from './node-compiler.ts'
import { type Evaluate, type Origin, Scope, type Site, spentBudget } from './scope.ts'
import { asMap, type Type } from './type.ts'
import { denotedType } from './type-value.ts'
import { failed, keyOf, kindOf, type MapKey, type MapValue, none } from './value.ts'

/** Turns a checked tree into closures: no code is generated, and nothing is allocated to compare or to calculate. */
export class Compiler implements NodeCompiler {
  readonly #names: Names
  readonly #origin: Origin
  #constants: Scope | null = null
  mixes = false

  constructor(names: Names, origin: Origin) {
    this.#names = names
    this.#origin = origin
  }

  get constants(): Scope {
    this.#constants ??= new Scope()
    return this.#constants
  }

  compile(node: Node): Evaluate {
    switch (node.kind) {
      case 'literal': {
        const { value } = node
        return () => value
      }
      case 'name':
        return this.#name(node)
      case 'select': {
        if (node.denotes !== null) return constant(node.denotes)
        const make = node.test
          ? compileHas
          : node.optional || node.of.type.kind === 'optional'
            ? compileOptionalSelect
            : compileSelect
        return make(this.compile(node.of), node.field, this.site(node), labelOf(node.of))
      }
      case 'index':
        return this.#index(node)
      case 'call':
        return compileCall(this, node as CallNode)
      case 'unary': {
        const of = this.compile(node.of)
        const site = this.site(node)
        return node.operator === '!' ? compileNot(of, site) : compileNegation(of, site, node.of.type)
      }
      case 'binary':
        return this.#binary(node)
      case 'choice':
        return this.#choice(node)
      case 'list':
        return this.#list(node)
      case 'map':
        return this.#map(node)
      case 'macro':
        return compileMacro(this, node)
      case 'bind':
        return compileBinding(this, node)
    }
  }

  site(node: Node): Site {
    return { origin: this.#origin, offset: node.at }
  }

  #binary(node: BinaryNode): Evaluate {
    const { operator } = node
    const site = this.site(node)
    if (isArithmetic(operator)) return this.#arithmetic(operator, node)
    const left = this.compile(node.left)
    const right = this.compile(node.right)
    const constant = node.right.kind === 'literal' ? { value: node.right.value } : null
    switch (operator) {
      case '&&':
      case '||':
        return compileLogic(operator, left, right, site)
      case '==':
      case '!=':
        return compileEquality(operator === '!=', left, right, site, constant)
      case '<':
      case '<=':
      case '>':
      case '>=':
        return compileComparison(operator, left, right, site, constant)
      case 'in':
        return compileIn(left, right, site)
    }
  }

  #arithmetic(operator: ArithmeticOperator, node: BinaryNode): Evaluate {
    const sides = { left: node.left.type, right: node.right.type }
    // Two lists become one, and so do the forms of their items.
    const form = (side: Node): Evaluate => (node.type.kind === 'list' ? this.as(side, node.type) : this.compile(side))
    return compileArithmetic(operator, form(node.left), form(node.right), this.site(node), sides)
  }

  as(node: Node, type: Type): Evaluate {
    const evaluate = this.compile(node)
    const convert = converter(node.type, type)
    if (convert === null) return evaluate
    this.mixes = true
    const site = this.site(node)
    return (scope) => {
      const value = evaluate(scope)
      if (value === failed) return failed
      const changed = convert(scope, value)
      return scope.budget < 0 ? scope.fail(site, spentBudget) : changed
    }
  }

  #name(node: NameNode): Evaluate {
    const { local, name } = node
    if (local !== null) return () => local.value
    return this.#names.get(name)?.read ?? constant(denotedType(name))
  }

  #index(node: IndexNode): Evaluate {
    const { type } = node.of
    // An object a literal spells out, read by a computed name: all its values take one form.
    const literal = type.kind === 'record' && type.owner === '' && node.index.kind !== 'literal'
    const of = literal ? this.as(node.of, asMap(type)) : this.compile(node.of)
    const optional = node.optional || type.kind === 'optional'
    return compileIndex(of, this.compile(node.index), optional, this.site(node), labelOf(node.of))
  }

  #choice(node: ChoiceNode): Evaluate {
    const condition = this.compile(node.condition)
    const yes = this.as(node.yes, node.type)
    const no = this.as(node.no, node.type)
    const site = this.site(node)
    return (scope) => {
      const chosen = condition(scope)
      if (chosen === true) return yes(scope)
      if (chosen === false) return no(scope)
      return chosen === failed ? failed : notBool(scope, site, '?', chosen)
    }
  }

  #list(node: ListNode): Evaluate {
    const { of } = node.type as { of: Type }
    const items = node.items.map((item, at) => this.#entry(item, of, node.optional.has(at)))
    const optional = node.items.map((_, at) => node.optional.has(at))
    if (node.items.every((item) => item.kind === 'literal')) {
      const { constants } = this
      return constant(items.map((item) => item(constants)))
    }
    const site = this.site(node)
    const cost = 8 * items.length
    return (scope) => {
      if (!scope.pay(site, 0, cost)) return failed
      const list: unknown[] = []
      for (let at = 0; at < items.length; at++) {
        const value = items[at]!(scope)
        if (value === failed) return failed
        if (value !== none || !optional[at]) list.push(value)
      }
      return list
    }
  }

  /** An item in the form of all; of `?x` what is in `x`, or none. */
  #entry(node: Node, type: Type, optional: boolean): Evaluate {
    return this.as(node, optional ? { kind: 'optional', of: type } : type)
  }

  #map(node: MapNode): Evaluate {
    const { type } = node
    const { key: keyType, of } = asMap(type)
    const keys = node.keys.map((key) => this.as(key, keyType))
    const values = node.values.map((value, at) => {
      const field = type.kind === 'record' ? type.fields.get(literalKey(node.keys[at]!)) : of
      return this.#entry(value, field ?? of, node.optional.has(at))
    })
    const names = node.optional.size === 0 ? distinctNames(node) : null
    if (names !== null) return compileObject(names, values, this.site(node))
    const optional = node.keys.map((_, at) => node.optional.has(at))
    const site = this.site(node)
    const sites = node.keys.map((key) => this.site(key))
    const cost = 16 * keys.length
    if (keyType.kind !== 'string' && keys.length > 0) this.mixes = true
    return (scope) => {
      if (!scope.pay(site, 0, cost)) return failed
      const made = new MapMaker()
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at]!(scope)
        const value = key === failed ? failed : values[at]!(scope)
        if (value === failed) return failed
        if (value === none && optional[at]) continue
        const wanted = keyOf(key)
        if (wanted === undefined) {
          return scope.fail(sites[at]!, `the keys of a map are strings, whole numbers or bools, not ${kindOf(key)}`)
        }
        if (!made.add(wanted, value)) return twice(scope, sites[at]!, wanted)
      }
      return made.finish()
    }
  }
}

const constant =
  (value: unknown): Evaluate =>
  () =>
    value

/** The keys of an object whose shape is known from its text; null where that is not so simple. */
function distinctNames(node: MapNode): string[] | null {
  const names = node.keys.map((key) => (key.kind === 'literal' && typeof key.value === 'string' ? key.value : null))
  if (names.some((name) => name === null || name === '__proto__') || new Set(names).size < names.length) return null
  return names as string[]
}

function compileObject(names: readonly string[], values: readonly Evaluate[], site: Site): Evaluate {
  const cost = 16 * names.length
  return (scope) => {
    if (!scope.pay(site, 0, cost)) return failed
    const made: MapValue = {}
    for (let at = 0; at < names.length; at++) {
      const value = values[at]!(scope)
      if (value === failed) return failed
      made[names[at]!] = value
    }
    return made
  }
}

const literalKey = (node: Node): string => (node.kind === 'literal' ? String(node.value) : '')

const twice = (scope: Scope, site: Site, key: MapKey): typeof failed =>
  scope.fail(site, `the key ${JSON.stringify(String(key))} stands twice`)

const isArithmetic = (operator: BinaryOperator): operator is ArithmeticOperator => '+-*/%'.includes(operator)
