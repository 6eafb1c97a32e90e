import { type FormatFault, faultAt, flattenReferences, type ReferencedSchema, tooManyReferences } from '../format.ts'
import { type Features, featuresOfEdition, featuresWithin } from './proto-features.ts'
import { fieldNode } from './proto-field.ts'
import type { EnumDeclaration, MessageDeclaration, ProtoFile } from './proto-file.ts'
import type { MessageNode, TypeNode } from './proto-node.ts'
import { parseProto } from './proto-parser.ts'
import { ProtoRefused, refuse } from './proto-token.ts'
import { wellKnownFiles } from './well-known.ts'

/** A schema's messages in the order of the file, those inside others behind them. */
export type Linked = readonly MessageNode[]

/** Reads and links a file with what it imports. *Errors*: as one fault, E302 or E303, with line and column. */
export function linkProto(text: string, references: readonly ReferencedSchema[]): Linked | FormatFault {
  const flat = flattenReferences(references)
  if (flat === null) return tooManyReferences
  try {
    const texts = new Map(flat.map((reference) => [reference.name, reference.text]))
    return new Linker(texts).root(text)
  } catch (thrown) {
    if (thrown instanceof ProtoRefused) return thrown.fault
    throw thrown
  }
}

/** The types one file declares, and those that importing it makes known. */
interface Scope {
  readonly declared: Map<string, TypeNode>
  readonly exported: Map<string, TypeNode>
}

/** Work for when all names are known. */
type Later = () => void

class Linker {
  readonly #texts: ReadonlyMap<string, string>
  readonly #files = new Map<string, Scope>()
  readonly #open = new Set<string>()

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts
  }

  root(text: string): Linked {
    const messages: MessageNode[] = []
    this.#link(parseProto(text), messages)
    return messages
  }

  /** *Shape*: `messages` collects those of this very file. */
  #link(file: ProtoFile, messages: MessageNode[]): Scope {
    const declared = new Map<string, TypeNode>()
    const exported = new Map<string, TypeNode>()
    const visible = new Map<string, TypeNode>()
    for (const { path, public: open, ...place } of file.imports) {
      for (const [name, type] of this.#import(path, place).exported) {
        visible.set(name, type)
        if (open) exported.set(name, type)
      }
    }
    const features = featuresWithin(featuresOfEdition(file.edition), file.options, { line: 1, column: 1 })
    const declarer = new Declarer(declared, visible, messages, file.edition)
    for (const message of file.messages) declarer.message(message, file.package, [message.index], features)
    for (const one of file.enums) declarer.enumeration(one, file.package, features)
    for (const [name, type] of declared) {
      visible.set(name, type)
      exported.set(name, type)
    }
    for (const later of declarer.later) later()
    return { declared, exported }
  }

  #import(path: string, place: { line: number; column: number }): Scope {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const text = this.#texts.get(path) ?? wellKnownFiles.get(path)
    if (text === undefined) {
      return refuse(place, `import ${JSON.stringify(path)} is none of the references, and nothing is fetched`, 'E303')
    }
    if (this.#open.has(path)) return refuse(place, `import ${JSON.stringify(path)} leads back to itself`)
    this.#open.add(path)
    try {
      const scope = this.#link(parseProto(text), [])
      this.#files.set(path, scope)
      return scope
    } catch (thrown) {
      if (!(thrown instanceof ProtoRefused)) throw thrown
      const { message, code, line } = thrown.fault
      const where = line === undefined ? '' : ` line ${line}:`
      throw new ProtoRefused({ ...faultAt([], `import ${path}:${where} ${message}`, code), ...place })
    } finally {
      this.#open.delete(path)
    }
  }
}

/** Gives the types of one file their nodes, and notes what must wait until all have one. */
class Declarer {
  readonly later: Later[] = []
  readonly #declared: Map<string, TypeNode>
  readonly #visible: ReadonlyMap<string, TypeNode>
  readonly #messages: MessageNode[]
  readonly #edition: string

  constructor(
    declared: Map<string, TypeNode>,
    visible: ReadonlyMap<string, TypeNode>,
    messages: MessageNode[],
    edition: string,
  ) {
    this.#declared = declared
    this.#visible = visible
    this.#messages = messages
    this.#edition = edition
  }

  message(declaration: MessageDeclaration, space: string, indexes: readonly number[], around: Features): void {
    const name = within(space, declaration.name)
    const features = featuresWithin(around, declaration.options, declaration)
    const node: MessageNode = { name, indexes, fields: [], oneofs: [] }
    this.#declare(name, { message: node }, declaration)
    this.#messages.push(node)
    for (const inner of declaration.messages) this.message(inner, name, [...indexes, inner.index], features)
    for (const inner of declaration.enums) this.enumeration(inner, name, features)
    this.later.push(() => this.#fields(declaration, node, features))
  }

  #fields(declaration: MessageDeclaration, node: MessageNode, around: Features): void {
    const numbers = new Set<number>()
    const names = new Set<string>()
    const oneofs = new Map(
      declaration.oneofs.map((oneof) => [oneof.name, featuresWithin(around, oneof.options, oneof)] as const),
    )
    if (oneofs.size < declaration.oneofs.length) refuse(declaration, `two oneofs of ${node.name} have one name`)
    let furthest = 0
    const reserved = declaration.reserved.ranges
      .toSorted(([a], [b]) => a - b)
      .map(([first, last]) => {
        furthest = Math.max(furthest, last)
        return [first, furthest] as const
      })
    const fields = declaration.fields.map((field) => {
      const { number, name } = field
      if (numbers.has(number)) refuse(field, `number ${number} is used twice in ${node.name}`)
      if (names.has(name)) refuse(field, `${node.name} already has a field ${name}`)
      if (isWithin(number, reserved)) refuse(field, `number ${number} is reserved in ${node.name}`)
      if (declaration.reserved.names.has(name)) refuse(field, `the name ${name} is reserved in ${node.name}`)
      numbers.add(number)
      names.add(name)
      const features = featuresWithin(oneofs.get(field.oneof ?? '') ?? around, field.options, field)
      return fieldNode(field, this.#edition, features, (type) => this.#find(type, node.name))
    })
    node.fields = fields.sort((a, b) => a.number - b.number)
    node.oneofs = [...oneofs.keys()].map((oneof) => node.fields.filter((field) => field.oneof === oneof))
  }

  enumeration(declaration: EnumDeclaration, space: string, around: Features): void {
    const name = within(space, declaration.name)
    const closed = featuresWithin(around, declaration.options, declaration).enum_type === 'CLOSED'
    const numbers = new Map<string, number>()
    const names = new Map<number, string>()
    for (const value of declaration.values) {
      if (numbers.has(value.name)) refuse(declaration, `enum ${name} has two values ${value.name}`)
      if (names.has(value.number) && declaration.options.get('allow_alias') !== 'true') {
        refuse(declaration, `enum ${name} has two names for ${value.number} without \`allow_alias\``)
      }
      numbers.set(value.name, value.number)
      if (!names.has(value.number)) names.set(value.number, value.name)
    }
    const first = declaration.values[0]
    if (first === undefined) refuse(declaration, `enum ${name} has no values`)
    if (!closed && first?.number !== 0) refuse(declaration, `the first value of enum ${name} must be 0`)
    this.#declare(name, { enum: { name, numbers, names, closed } }, declaration)
  }

  #declare(name: string, type: TypeNode, place: { line: number; column: number }): void {
    if (this.#declared.has(name) || this.#visible.has(name)) refuse(place, `${name} is declared twice`)
    this.#declared.set(name, type)
  }

  /** From the innermost scope outwards; a name that begins with a dot is already full. */
  #find(name: string, scope: string): TypeNode | null {
    if (name.startsWith('.')) return this.#visible.get(name.slice(1)) ?? null
    for (let around = scope; ; around = around.slice(0, Math.max(around.lastIndexOf('.'), 0))) {
      const found = this.#visible.get(within(around, name))
      if (found !== undefined) return found
      if (around === '') return null
    }
  }
}

/** *Shape*: `ranges` by their first numbers, each as far as those before it. */
function isWithin(number: number, ranges: readonly (readonly [first: number, last: number])[]): boolean {
  let [from, to] = [0, ranges.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (ranges[middle]![0] <= number) from = middle + 1
    else to = middle
  }
  return from > 0 && number <= ranges[from - 1]![1]
}

const within = (space: string, name: string): string => (space === '' ? name : `${space}.${name}`)
