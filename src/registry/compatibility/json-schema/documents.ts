import { flattenReferences, maxSchemaDepth } from '../../formats/format.ts'
import type { SchemaText } from '../incompatibility.ts'
import { Incomparable } from '../pair-memo.ts'

export type RawSchema = Readonly<Record<string, unknown>>

/** What a schema's references are read by. */
export interface Scope {
  /** What `#/…` begins at. */
  readonly root: unknown
  /** What relative references are relative to. */
  readonly base: string
  /** 2019-09 and later: keywords beside `$ref` count, and there are more of them. */
  readonly modern: boolean
  readonly draft4: boolean
}

interface Located {
  readonly schema: unknown
  readonly scope: Scope
}

const unnamed = 'schema:/'

/** A keyword of the schema itself: `constructor` and `__proto__` are plain names. */
export const own = (schema: RawSchema, name: string): unknown =>
  Object.hasOwn(schema, name) ? schema[name] : undefined

/** The texts of a schema and all it refers to, by name. *Errors*: Incomparable. */
export class Documents {
  readonly root: Located
  /** By reference name and by every `$id`, both made absolute. */
  readonly #named = new Map<string, Located>()
  /** By absolute base and anchor: `schema:/#name`. */
  readonly #anchors = new Map<string, Located>()

  constructor({ text, references }: SchemaText) {
    this.root = this.#add(text, unnamed)
    for (const reference of flattenReferences(references) ?? [])
      this.#add(reference.text, absolute(reference.name, unnamed))
  }

  /** The scope within a schema, which an `$id` of its own changes. */
  enter(schema: RawSchema, scope: Scope): Scope {
    const id = own(schema, '$id') ?? own(schema, 'id')
    if (typeof id !== 'string' || id.startsWith('#') || id === '') return scope
    const base = absolute(id, scope.base)
    return base === scope.base ? scope : { ...scope, root: schema, base }
  }

  /** What a `$ref` names; null when there is nothing. */
  find(reference: string, scope: Scope): Located | null {
    const [file = '', fragment = ''] = reference.split(/#(.*)/s, 2)
    const base = file === '' ? scope.base : absolute(file, scope.base)
    const document =
      file === '' ? { schema: scope.root, scope } : (this.#named.get(base) ?? this.#named.get(absolute(file, unnamed)))
    if (document === undefined) return null
    if (fragment === '') return document
    if (!fragment.startsWith('/')) return this.#anchors.get(`${document.scope.base}#${fragment}`) ?? null
    return this.#pointed(document, fragment)
  }

  #add(text: string, name: string): Located {
    let schema: unknown
    try {
      schema = JSON.parse(text)
    } catch (thrown) {
      throw new Incomparable(`not a JSON Schema: ${(thrown as Error).message}`)
    }
    const declared = isSchema(schema) ? String(own(schema, '$schema') ?? '') : ''
    const scope: Scope = {
      root: schema,
      base: name,
      modern: !/draft-0[3-7]/.test(declared),
      draft4: /draft-0[34]/.test(declared),
    }
    const located = { schema, scope }
    this.#named.set(name, located)
    this.#index(schema, scope, 0)
    return located
  }

  #index(value: unknown, scope: Scope, depth: number): void {
    if (depth > 2 * maxSchemaDepth) throw new Incomparable('nested too deeply')
    if (Array.isArray(value)) for (const item of value) this.#index(item, scope, depth + 1)
    if (!isSchema(value)) return
    const here = this.enter(value, scope)
    if (here !== scope && !this.#named.has(here.base)) this.#named.set(here.base, { schema: value, scope: here })
    const id = own(value, '$id')
    const anchor =
      own(value, '$anchor') ??
      own(value, '$dynamicAnchor') ??
      (typeof id === 'string' && id.startsWith('#') ? id.slice(1) : undefined)
    if (typeof anchor === 'string') this.#anchors.set(`${here.base}#${anchor}`, { schema: value, scope: here })
    for (const [name, item] of Object.entries(value)) {
      if (!data.has(name)) this.#index(item, here, depth + 1)
    }
  }

  #pointed(document: Located, pointer: string): Located | null {
    let { schema, scope } = document
    for (const step of pointer.slice(1).split('/')) {
      const name = unescaped(step)
      if (Array.isArray(schema)) schema = /^\d+$/.test(name) ? schema[Number(name)] : undefined
      else schema = isSchema(schema) ? own(schema, name) : undefined
      if (schema === undefined) return null
      if (isSchema(schema)) scope = this.enter(schema, scope)
    }
    return { schema, scope }
  }
}

/** Keywords that hold values, not schemas. */
const data = new Set(['const', 'enum', 'default', 'examples'])

const isSchema = (value: unknown): value is RawSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch (thrown) {
    if (!(thrown instanceof URIError)) throw thrown
    return step
  }
}

/** A name that makes no URL is taken as it stands. */
const absolute = (name: string, base: string): string =>
  URL.canParse(name, base) ? new URL(name, base).href.replace(/#$/, '') : name
