import { type Budget, type Fields, plainValue, readScalar, setField, typeOf, type WireValue } from './plain-value.ts'
import type { WireReader } from './wire-reader.ts'

/** Reads a member, which is a metric like another. */
export type ReadMember = (reader: WireReader, depth: number) => { readonly name: string }

/**
 * A Template as plain data: `metrics` by name, as a payload's, and `parameters` by name with `value` and `type`.
 * *Source*: Sparkplug 3.0, 6.4.17, 6.4.18. *Errors*: Malformed.
 */
export function readTemplate(reader: WireReader, budget: Budget, readMember: ReadMember, depth: number): Fields {
  const template: Fields = { version: null, template_ref: null, is_definition: false, metrics: {}, parameters: {} }
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 10) template['version'] = reader.string()
    else if (tag === 18) {
      const member = readMember(reader.nested(), depth + 1)
      setField(template['metrics'] as Fields, member.name, member)
    } else if (tag === 26) readParameter(reader.nested(), template['parameters'] as Fields, budget, depth)
    else if (tag === 34) template['template_ref'] = reader.string()
    else if (tag === 40) template['is_definition'] = reader.bool()
    else reader.skip(tag & 7)
  }
  return template
}

function readParameter(reader: WireReader, parameters: Fields, budget: Budget, depth: number): void {
  budget.spend(depth)
  let [name, type] = ['', null as number | null]
  let found: WireValue | null = null
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 10) name = reader.string()
    else if (tag === 16) type = reader.uint32()
    else {
      const scalar = readScalar(reader, tag, 3)
      if (scalar === null) reader.skip(tag & 7)
      else found = scalar
    }
  }
  const typeName = typeOf(type)
  setField(parameters, name, { value: found === null ? null : plainValue(typeName, found), type: typeName })
}
