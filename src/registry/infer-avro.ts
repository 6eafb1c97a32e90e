import { TrestleError } from '../contract/error.ts'
import { fieldsOf, type Kind, kindsOf, type Seen } from './infer.ts'

type AvroType = string | Record<string, unknown> | readonly AvroType[]

/** A draft of an Avro schema. *Errors*: E302 where Avro has no word for what was seen. */
export function draftAvro(seen: Seen, name: string): AvroType {
  if (!kindsOf(seen).includes('object')) throw refused('an Avro schema of a message describes an object')
  return new Draft().record(seen, nameOf(name))
}

const refused = (message: string): TrestleError => new TrestleError('E302', message)

/** Names of records are global in Avro: a second one of a name gets a number. */
class Draft {
  readonly #names = new Set<string>()

  record(seen: Seen, name: string): AvroType {
    let unique = name
    for (let at = 2; this.#names.has(unique); at++) unique = `${name}${at}`
    this.#names.add(unique)
    const fields = fieldsOf(seen).map(({ name: field, field: below, always }) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field))
        throw refused(`Avro knows no field ${JSON.stringify(field)}: its names are letters, digits and _`)
      const type = this.#type(below, nameOf(field), !always)
      const isNullable = Array.isArray(type) && type[0] === 'null'
      return { name: field, type, ...(isNullable ? { default: null } : {}) }
    })
    return { type: 'record', name: unique, fields }
  }

  #type(seen: Seen, name: string, optional: boolean): AvroType {
    const kinds = kindsOf(seen)
    const nullable = optional || kinds.includes('null')
    const types = kinds.filter((kind) => kind !== 'null').map((kind) => this.#one(seen, kind, name))
    if (types.length === 0) return nullable ? ['null', 'string'] : 'string'
    const all: AvroType[] = nullable ? ['null', ...types] : types
    return all.length === 1 ? all[0]! : all
  }

  #one(seen: Seen, kind: Kind, name: string): AvroType {
    if (kind === 'boolean' || kind === 'string') return kind
    if (kind === 'number') return 'double'
    if (kind === 'integer') {
      if (!Number.isSafeInteger(seen.min) || !Number.isSafeInteger(seen.max)) return 'double'
      return 'long'
    }
    if (kind === 'array')
      return { type: 'array', items: seen.items === null ? 'string' : this.#type(seen.items, `${name}Item`, false) }
    return seen.isMap ? { type: 'map', values: 'string' } : this.record(seen, name)
  }
}

/** `line-3` as `Line3`. */
function nameOf(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z_]/.test(name) ? name : `R${name}`
}
