import { compileHas, compileIndex, compileOptionalSelect, compileSelect, labelOf } from './access.ts'
import { compileArithmetic, compileNegation } from './arithmetic.ts'
import type { BinaryNode, CallNode, ChoiceNode, ListNode, MapNode, Node } from './ast.ts'
import { compileCall } from './call.ts'
import { compileComparison, compileEquality, compileIn, compileLogic, compileNot, notBool } from './logic.ts'
import type { Names } from './names.ts'
import type { Evaluate, Origin, Site } from './scope.ts'
import { failed, kindOf, setField } from './value.ts'

/** Turns a checked tree into closures: no code is generated, and nothing is allocated to compare or to calculate. */
export class Compiler {
  readonly #names: Names
  readonly #origin: Origin

  constructor(names: Names, origin: Origin) {
    this.#names = names
    this.#origin = origin
  }

  compile(node: Node): Evaluate {
    switch (node.kind) {
      case 'literal': {
        const { value } = node
        return () => value
      }
      case 'name':
        return this.#names.get(node.name)!.read
      case 'select': {
        const make = node.test
          ? compileHas
          : node.optional || node.of.type.kind === 'optional'
            ? compileOptionalSelect
            : compileSelect
        return make(this.compile(node.of), node.field, this.site(node), labelOf(node.of))
      }
      case 'index': {
        const of = this.compile(node.of)
        return compileIndex(
          of,
          this.compile(node.index),
          node.optional || node.of.type.kind === 'optional',
          this.site(node),
          labelOf(node.of),
        )
      }
      case 'call':
        return compileCall(this, node as CallNode)
      case 'unary': {
        const make = node.operator === '!' ? compileNot : compileNegation
        return make(this.compile(node.of), this.site(node))
      }
      case 'binary':
        return this.#binary(node)
      case 'choice':
        return this.#choice(node)
      case 'list':
        return this.#list(node)
      case 'map':
        return this.#map(node)
    }
  }

  site(node: Node): Site {
    return { origin: this.#origin, offset: node.at }
  }

  #binary(node: BinaryNode): Evaluate {
    const { operator } = node
    const left = this.compile(node.left)
    const right = this.compile(node.right)
    const site = this.site(node)
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
      default: {
        const ints = { left: node.left.type.kind === 'int', right: node.right.type.kind === 'int' }
        return compileArithmetic(operator, left, right, site, ints)
      }
    }
  }

  #choice(node: ChoiceNode): Evaluate {
    const condition = this.compile(node.condition)
    const yes = this.compile(node.yes)
    const no = this.compile(node.no)
    const site = this.site(node)
    return (scope) => {
      const chosen = condition(scope)
      if (chosen === true) return yes(scope)
      if (chosen === false) return no(scope)
      return chosen === failed ? failed : notBool(scope, site, '?', chosen)
    }
  }

  #list(node: ListNode): Evaluate {
    if (node.items.every((item) => item.kind === 'literal')) {
      const constant = node.items.map((item) => item.value)
      return () => constant
    }
    const items = node.items.map((item) => this.compile(item))
    return (scope) => {
      const list: unknown[] = []
      for (const item of items) {
        const value = item(scope)
        if (value === failed) return failed
        list.push(value)
      }
      return list
    }
  }

  #map(node: MapNode): Evaluate {
    const keys = node.keys.map((key) => this.compile(key))
    const values = node.values.map((value) => this.compile(value))
    const sites = node.keys.map((key) => this.site(key))
    return (scope) => {
      const map: Record<string, unknown> = {}
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at]!(scope)
        const value = key === failed ? failed : values[at]!(scope)
        if (value === failed) return failed
        if (typeof key !== 'string')
          return scope.fail(sites[at]!, `the keys of an object are strings, not ${kindOf(key)}`)
        if (Object.hasOwn(map, key)) return scope.fail(sites[at]!, `the key ${JSON.stringify(key)} stands twice`)
        setField(map, key, value)
      }
      return map
    }
  }
}
