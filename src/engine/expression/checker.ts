import type { Code } from '../../contract/codes.ts'
import { suggest } from '../../document/suggest.ts'
import type { CallNode, IndexNode, NameNode, Node, SelectNode, Variable } from './ast.ts'
import { checkCall } from './call-checker.ts'
import { wordFor } from './foreign-words.ts'
import { namespaces } from './functions/table.ts'
import { checkList, checkMap } from './literal-checker.ts'
import { checkBind, checkMacro } from './macro-checker.ts'
import type { Dependence, Names, Variable as RuleVariable } from './names.ts'
import { arithmeticType, binaryFault } from './operator-checker.ts'
import {
  asMap,
  bool,
  dyn,
  familyOf,
  joinTypes,
  nothing,
  number,
  optionalOf,
  printType,
  type RecordType,
  type Type,
  typeType,
} from './type.ts'
import { denotedType } from './type-value.ts'

/** Something wrong in an expression. *Unit*: `offset` counts characters in the string it stands in. */
export interface ExpressionFault {
  readonly code: Code
  readonly offset: number
  readonly message: string
  readonly suggestion?: string
}

/** Faults that are told of one expression. */
const maxFaults = 20
/** Deepest tree of operators: checking and evaluating recurse as deep, and chains in chains go deeper than parentheses do. */
const maxTreeDepth = 800

const ranks: readonly Dependence[] = ['nothing', 'topic', 'message', 'item']

/** The stronger of two dependences. */
export const more = (a: Dependence, b: Dependence): Dependence => (ranks.indexOf(a) > ranks.indexOf(b) ? a : b)

/**
 * Finds the type of every node and what surely must fail: unknown names and fields, types that do not fit. What only
 * the message can tell passes. Types and the variables that names stand for are left on the nodes for the compiler.
 */
export class Checker {
  readonly names: Names
  readonly faults: ExpressionFault[] = []
  /** What the whole expression depends on, of the message. */
  depends: Dependence = 'nothing'
  /** The variables of the macros around, the innermost last. */
  readonly #locals: Variable[] = []
  #depth = 0

  constructor(names: Names) {
    this.names = names
  }

  /** Notes a fault and answers the type to go on with. */
  report(code: Code, offset: number, message: string, suggestion?: string): Type {
    this.faults.push({ code, offset, message, ...(suggestion === undefined ? {} : { suggestion }) })
    return dyn
  }

  check(node: Node): Type {
    // Somebody who has that many to mend needs no more, and looking for the words they meant takes its time.
    if (this.faults.length >= maxFaults) node.type = dyn
    else if (this.#depth >= maxTreeDepth)
      node.type = this.report('E202', node.at, 'too many operators hang on one another')
    else {
      this.#depth++
      node.type = this.#typeOf(node)
      this.#depth--
    }
    return node.type
  }

  /** Checks a node whose value is used as it is: an optional must be opened before. */
  checkValue(node: Node): Type {
    this.check(node)
    return this.#opened(node)
  }

  #opened({ type, at }: Node): Type {
    if (type.kind !== 'optional') return type
    return this.report('E204', at, 'this value may be absent: say what then, with .orValue(…)')
  }

  /** Checks `node` where the variables have a meaning. */
  checkWith(variables: readonly Variable[], node: Node): Type {
    this.#locals.push(...variables)
    const type = this.check(node)
    this.#locals.length -= variables.length
    return type
  }

  /** Whether a name is one of a macro's variables or of the rule's names here. */
  isValue(name: string): boolean {
    return this.names.has(name) || this.#locals.some((local) => local.name === name)
  }

  #typeOf(node: Node): Type {
    switch (node.kind) {
      case 'literal':
        return node.type
      case 'name':
        return this.#name(node)
      case 'select':
        return this.#select(node)
      case 'index':
        return this.#index(node)
      case 'call':
        return checkCall(this, node as CallNode)
      case 'unary':
        return this.#unary(node.operator, this.checkValue(node.of), node.at)
      case 'binary':
        return this.#binary(node.operator, node.left, node.right, node.at)
      case 'choice':
        this.mustBeBool(this.checkValue(node.condition), node.at, '?')
        return joinTypes(this.check(node.yes), this.check(node.no))
      case 'list':
        return checkList(this, node)
      case 'map':
        return checkMap(this, node)
      case 'macro':
        return checkMacro(this, node)
      case 'bind':
        return checkBind(this, node)
    }
  }

  #name(node: NameNode): Type {
    const { name, at, root } = node
    const local = root ? undefined : this.#locals.findLast((variable) => variable.name === name)
    if (local !== undefined) {
      node.local = local.local
      // What is made of a message's part depends on the message, and that was noted when the part was checked.
      return local.type
    }
    const variable = this.names.get(name)
    if (variable !== undefined) return this.#read(variable)
    if (denotedType(name) !== null) return typeType
    if (namespaces.has(name)) return this.report('E203', at, `\`${name}\` is no value; call one of its functions`)
    const legal = [...this.#locals.map((each) => each.name), ...this.names.keys()]
    return this.report('E203', at, `unknown name \`${name}\``, wordHere(name, legal))
  }

  #read(variable: RuleVariable): Type {
    this.depends = more(this.depends, variable.depends)
    return variable.type
  }

  #select(node: SelectNode): Type {
    node.denotes = this.#isFieldOfValue(node) ? null : denotedType(qualifiedName(node))
    if (node.denotes !== null) return typeType
    const of = this.check(node.of)
    const optional = of.kind === 'optional'
    const field = this.#fieldOf(optional ? of.of : of, node)
    if (node.test) return bool
    return optional || node.optional ? optionalOf(field) : field
  }

  /** Whether the first name of a chain is a value here, and no package of types. */
  #isFieldOfValue(node: SelectNode): boolean {
    let first: Node = node
    while (first.kind === 'select') first = first.of
    return first.kind === 'name' && this.isValue(first.name)
  }

  #fieldOf(of: Type, node: SelectNode): Type {
    if (of.kind === 'record') return this.#declaredField(of, node)
    if (of.kind === 'map') return of.of === nothing ? dyn : of.of
    if (of.kind === 'dyn') return dyn
    const fault = `${printType(of)} has no fields, so no \`${node.field}\``
    return this.report('E204', node.at, fault, node.field === 'length' ? 'size()' : undefined)
  }

  #declaredField(record: RecordType, { field, at }: SelectNode): Type {
    const type = record.fields.get(field)
    if (type !== undefined) return type
    // What a literal leaves out is never there.
    if (record.owner === '') return nothing
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
    if (of.kind === 'dyn') return dyn
    if (of.kind !== 'list' && of.kind !== 'map' && of.kind !== 'record') {
      return this.report('E204', node.at, `${printType(of)} has no elements`)
    }
    const wanted = of.kind === 'list' ? 'number' : familyOf(asMap(of).key)
    const family = familyOf(index)
    if (family !== wanted && family !== 'any' && wanted !== 'any') {
      return this.report('E204', node.index.at, `${printType(of)} is read by a ${wanted}, not by ${printType(index)}`)
    }
    const literal = node.index.kind === 'literal' ? node.index.value : null
    if (of.kind === 'record') {
      // A record read by a computed name, or by one its schema leaves out, may give anything.
      const named = typeof literal === 'string' ? of.fields.get(literal) : undefined
      return named ?? (of.owner === '' && literal === null ? asMap(of).of : dyn)
    }
    return of.of === nothing ? dyn : of.of
  }

  #unary(operator: '!' | '-', type: Type, at: number): Type {
    if (operator === '!') return this.mustBeBool(type, at, '!')
    const family = familyOf(type)
    if (family === 'number' && type.kind !== 'uint') return type
    return family === 'any' ? number : this.report('E204', at, `\`-\` needs a number, not ${printType(type)}`)
  }

  mustBeBool(type: Type, at: number, operator: string): Type {
    const family = familyOf(type)
    if (family === 'bool' || family === 'any') return bool
    return this.report('E204', at, `\`${operator}\` needs a bool, not ${printType(type)}`)
  }

  #binary(operator: string, leftNode: Node, rightNode: Node, at: number): Type {
    const types = [this.check(leftNode), this.check(rightNode)] as const
    // Two optionals can be compared; one alone must be opened.
    const compared = (operator === '==' || operator === '!=') && types.every(({ kind }) => kind === 'optional')
    const left = compared ? types[0] : this.#opened(leftNode)
    const right = compared ? types[1] : this.#opened(rightNode)
    if (operator === '&&' || operator === '||') {
      this.mustBeBool(left, at, operator)
      return this.mustBeBool(right, at, operator)
    }
    const fault = binaryFault(operator, left, right)
    if (fault !== null) return this.report('E204', at, fault)
    return arithmeticType(operator, left, right) ?? bool
  }
}

/** What an unknown name may have meant; a word of another language only if its word here stands for a value. */
function wordHere(name: string, legal: readonly string[]): string | undefined {
  const meant = wordFor(name)
  return meant !== undefined && ['null', 'true', 'false', ...legal].includes(meant) ? meant : suggest(name, legal)
}

/** `google.protobuf.Timestamp`, if that is what a chain of fields says; empty when it is no chain of names. */
function qualifiedName(node: Node): string {
  if (node.kind === 'name') return node.name
  const of = node.kind === 'select' ? qualifiedName(node.of) : ''
  return of === '' || node.kind !== 'select' ? '' : `${of}.${node.field}`
}
