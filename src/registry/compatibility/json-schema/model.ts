import { Incomparable } from '../pair-memo.ts'
import { type Documents, own, type RawSchema, type Scope } from './documents.ts'

export type PartKind =
  | 'anything'
  | 'nothing'
  | 'string'
  | 'number'
  | 'boolean'
  | 'null'
  | 'object'
  | 'array'
  | 'enum'
  | 'const'
  | 'not'
  | 'if'
  | 'reference'
  | 'combined'

export type Criterion = 'allOf' | 'anyOf' | 'oneOf'

/**
 * A schema by what it is about, as Confluent's registry sees it: one kind of value with its keywords, or several such
 * parts combined. *Shape*: `keywords` is the schema as written, which several parts may share.
 */
export interface SchemaPart {
  readonly id: number
  readonly kind: PartKind
  readonly keywords: RawSchema
  readonly scope: Scope
  /** Of numbers: `integer` was asked for. */
  readonly integer: boolean
  readonly criterion: Criterion | null
  /** Of what is combined. */
  readonly parts: readonly SchemaPart[]
}

const arrayKeywords = ['items', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'contains']
const objectKeywords = [
  'properties',
  'required',
  'minProperties',
  'maxProperties',
  'dependencies',
  'additionalProperties',
  'patternProperties',
  'propertyNames',
]
const numberKeywords = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const stringKeywords = ['minLength', 'maxLength', 'pattern']
/** What the drafts from 2019-09 on know beyond these. */
const modernArrayKeywords = ['prefixItems', 'unevaluatedItems', 'minContains', 'maxContains']
const modernObjectKeywords = ['dependentRequired', 'dependentSchemas', 'unevaluatedProperties']

const kindsOfTypes: ReadonlyMap<unknown, PartKind> = new Map([
  ['string', 'string'],
  ['integer', 'number'],
  ['number', 'number'],
  ['boolean', 'boolean'],
  ['null', 'null'],
  ['array', 'array'],
  ['object', 'object'],
])

const none: RawSchema = Object.freeze({})

/** Reads schemas into parts, each once and only when asked for. */
export class SchemaModel {
  readonly #documents: Documents
  readonly #known = new Map<RawSchema, SchemaPart>()
  readonly #resolved = new Map<SchemaPart, SchemaPart>()
  readonly #nextId: () => number
  readonly #anything: SchemaPart
  readonly #nothing: SchemaPart

  constructor(documents: Documents, nextId: () => number) {
    this.#documents = documents
    this.#nextId = nextId
    this.#anything = this.#part('anything', none, documents.root.scope)
    this.#nothing = this.#part('nothing', none, documents.root.scope)
  }

  root(): SchemaPart {
    return this.part(this.#documents.root.schema, this.#documents.root.scope)
  }

  /** What a value within a schema says. */
  part(schema: unknown, scope: Scope): SchemaPart {
    if (schema === false) return this.#nothing
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return this.#anything
    const keywords = schema as RawSchema
    const known = this.#known.get(keywords)
    if (known !== undefined) return known
    const made = this.#make(keywords, this.#documents.enter(keywords, scope))
    this.#known.set(keywords, made)
    return made
  }

  /** What a part refers to, references to references followed. *Errors*: Incomparable when it is not there. */
  resolve(part: SchemaPart): SchemaPart {
    if (part.kind !== 'reference') return part
    const known = this.#resolved.get(part)
    if (known !== undefined) return known
    const found = this.#follow(part)
    this.#resolved.set(part, found)
    return found
  }

  #follow(part: SchemaPart): SchemaPart {
    let at = part
    for (let hops = 0; at.kind === 'reference'; hops++) {
      if (hops > 100) return this.#anything
      const name = own(at.keywords, '$ref') ?? own(at.keywords, '$dynamicRef') ?? own(at.keywords, '$recursiveRef')
      const target = this.#documents.find(String(name), at.scope)
      if (target === null) throw new Incomparable(`$ref ${JSON.stringify(name)} leads nowhere`)
      at = this.part(target.schema, target.scope)
    }
    return at
  }

  #part(kind: PartKind, keywords: RawSchema, scope: Scope, more: Partial<SchemaPart> = {}): SchemaPart {
    return { id: this.#nextId(), kind, keywords, scope, integer: false, criterion: null, parts: [], ...more }
  }

  #make(keywords: RawSchema, scope: Scope): SchemaPart {
    const has = (name: string): boolean => Object.hasOwn(keywords, name)
    const { modern } = scope
    const referring = has('$ref') || (modern && (has('$dynamicRef') || has('$recursiveRef')))
    const parts: SchemaPart[] = referring ? [this.#part('reference', keywords, scope)] : []
    if (!referring || modern) this.#addParts(parts, keywords, scope)
    if (parts.length === 0) return this.#part('anything', keywords, scope)
    if (parts.length === 1) return parts[0]!
    return this.#part('combined', keywords, scope, { criterion: 'allOf', parts })
  }

  #addParts(parts: SchemaPart[], keywords: RawSchema, scope: Scope): void {
    const has = (name: string): boolean => Object.hasOwn(keywords, name)
    if (has('enum')) parts.push(this.#part('enum', keywords, scope))
    for (const criterion of ['allOf', 'anyOf', 'oneOf'] as const) {
      const listed = own(keywords, criterion)
      if (!Array.isArray(listed)) continue
      const combined = listed.map((schema) => this.part(schema, scope))
      parts.push(this.#part('combined', keywords, scope, { criterion, parts: combined }))
    }
    if (has('not')) parts.push(this.#part('not', keywords, scope))
    if (has('const') && !scope.draft4) parts.push(this.#part('const', keywords, scope))
    const typed = this.#addTypes(parts, keywords, scope)
    for (const [kind, names, modern] of sniffed) {
      if (typed.has(kind) || !(names.some(has) || (scope.modern && modern.some(has)))) continue
      parts.push(this.#part(kind, keywords, scope))
    }
    // What only looks at a format is about strings too, where formats are checked.
    if (!scope.modern && has('format') && !typed.has('string') && !stringKeywords.some(has)) {
      parts.push(this.#part('string', keywords, scope))
    }
    if (!scope.draft4 && (has('if') || has('then') || has('else'))) parts.push(this.#part('if', keywords, scope))
  }

  /** Which kinds `type` asks for; each takes the keywords of its kind with it. */
  #addTypes(parts: SchemaPart[], keywords: RawSchema, scope: Scope): Set<PartKind> {
    const type = own(keywords, 'type')
    const made = (Array.isArray(type) ? (type as unknown[]) : [type]).flatMap((name) => {
      const kind = kindsOfTypes.get(name)
      return kind === undefined ? [] : [this.#part(kind, keywords, scope, { integer: name === 'integer' })]
    })
    if (Array.isArray(type)) parts.push(this.#part('combined', keywords, scope, { criterion: 'anyOf', parts: made }))
    else parts.push(...made)
    return new Set(made.map(({ kind }) => kind))
  }
}

const sniffed: readonly (readonly [PartKind, readonly string[], readonly string[]])[] = [
  ['array', arrayKeywords, modernArrayKeywords],
  ['object', objectKeywords, modernObjectKeywords],
  ['number', numberKeywords, []],
  ['string', stringKeywords, []],
]
