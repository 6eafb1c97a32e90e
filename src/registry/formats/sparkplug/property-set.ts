import { type Budget, type Fields, plainValue, readScalar, setField, typeOf, type WireValue } from './plain-value.ts'
import { Malformed, type WireReader } from './wire-reader.ts'

/**
 * A PropertySet as fields by name, each with `value` and `type`. *Source*: Sparkplug 3.0, 6.4.10 to 6.4.12. *Errors*:
 * Malformed.
 */
export function readPropertySet(reader: WireReader, budget: Budget, depth: number): Fields {
  const keys: string[] = []
  const values: Fields[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 10) {
      budget.spend(depth)
      keys.push(reader.string())
    } else if (tag === 18) {
      budget.spend(depth)
      values.push(readPropertyValue(reader.nested(), budget, depth))
    } else reader.skip(tag & 7)
  }
  if (keys.length !== values.length) throw new Malformed('has a property set with other names than values')
  const set: Fields = {}
  for (const [at, key] of keys.entries()) setField(set, key, values[at])
  return set
}

function readPropertyValue(reader: WireReader, budget: Budget, depth: number): Fields {
  let [type, isNull] = [null as number | null, false]
  let [found, set, list] = [null as WireValue | null, null as WireReader | null, null as WireReader | null]
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 8) type = reader.uint32()
    else if (tag === 16) isNull = reader.bool()
    else if (tag === 74) set = reader.nested()
    else if (tag === 82) list = reader.nested()
    else {
      const scalar = readScalar(reader, tag, 3)
      if (scalar === null) reader.skip(tag & 7)
      else found = scalar
    }
  }
  const name = typeOf(type)
  if (isNull) return { value: null, type: name }
  if (set !== null) return { value: readPropertySet(set, budget, depth + 1), type: 'PropertySet' }
  if (list !== null) return { value: readPropertySets(list, budget, depth + 1), type: 'PropertySetList' }
  return { value: found === null ? null : plainValue(name, found), type: name }
}

function readPropertySets(reader: WireReader, budget: Budget, depth: number): Fields[] {
  const sets: Fields[] = []
  while (reader.more) {
    const tag = reader.tag()
    if (tag !== 10) reader.skip(tag & 7)
    else {
      budget.spend(depth)
      sets.push(readPropertySet(reader.nested(), budget, depth + 1))
    }
  }
  return sets
}
