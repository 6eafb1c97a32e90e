import { type Difference, difference } from '../incompatibility.ts'
import { Incomparable } from '../pair-memo.ts'
import type { Declared, Label, ProtoField, ProtoFile, ProtoMessage } from './declarations.ts'

/** The two files, and which pairs of imported messages were found to fit. */
export interface ProtoSides {
  readonly original: ProtoFile
  readonly update: ProtoFile
  /** *Shape*: a pair that is still being compared counts as fitting. */
  readonly compared: Map<string, boolean>
}

/** Where a message stands: names within it are looked up from there outwards. */
export interface Place {
  /** Names of the messages around it and its own. */
  readonly path: readonly string[]
  /** The packages it is of; null for those of the two files. */
  readonly original: string | null
  readonly update: string | null
}

/** Deepest chain of messages that other schemas bring in. */
const maxImportDepth = 100

/** What two messages of one name differ in, by the numbers of their fields. */
export function compareMessages(
  sides: ProtoSides,
  original: ProtoMessage,
  update: ProtoMessage,
  place: Place,
  found: Difference[],
  depth = 0,
): void {
  if (depth > maxImportDepth) throw new Incomparable('nested too deeply')
  compareOneofs(original, update, place, found)
  const deleted = deletedOneofs(original, update)
  const tags = [...new Set([...original.fields.keys(), ...update.fields.keys()])].sort((a, b) => a - b)
  for (const tag of tags) {
    const [before, after] = [original.fields.get(tag), update.fields.get(tag)]
    const oneof = after === undefined ? (before?.oneof ?? null) : after.oneof
    const path = oneof === null ? [...place.path, String(tag)] : [...place.path, oneof, String(tag)]
    if (before !== undefined && after !== undefined) {
      for (const rule of compareFields(sides, before, after, place, found, depth)) found.push(difference(rule, path))
    } else if (after === undefined && before!.oneof !== null) {
      if (!deleted.has(before!.oneof)) found.push(difference('ONEOF_FIELD_REMOVED', path))
    } else if (after === undefined) {
      if (before!.label === 'required') found.push(difference('REQUIRED_FIELD_REMOVED', path))
    } else if (after.label === 'required') {
      found.push(difference('REQUIRED_FIELD_ADDED', path))
    }
  }
}

/** Those of which neither the name nor any member is left: no data would be read as another member's. */
function deletedOneofs(original: ProtoMessage, update: ProtoMessage): Set<string> {
  const gone = [...original.oneofs].filter(
    ([name, members]) => !update.oneofs.has(name) && !members.some(({ tag }) => update.fields.has(tag)),
  )
  return new Set(gone.map(([name]) => name))
}

/** Fields that could be set together may not become members of one oneof: the last one would win. */
function compareOneofs(original: ProtoMessage, update: ProtoMessage, { path }: Place, found: Difference[]): void {
  for (const [name, members] of update.oneofs) {
    const groups = new Set<string>()
    let movedIn = 0
    for (const { tag } of members) {
      const before = original.fields.get(tag)
      if (before === undefined) continue
      groups.add(before.oneof === null ? `field ${tag}` : `oneof ${before.oneof}`)
      if (before.oneof === null) movedIn++
    }
    if (groups.size < 2) continue
    const rule = movedIn > 1 ? 'MULTIPLE_FIELDS_MOVED_TO_ONEOF' : 'FIELD_MOVED_TO_EXISTING_ONEOF'
    found.push(difference(rule, [...path, name]))
  }
}

interface Typed {
  readonly type: string
  readonly keyType: string | null
  readonly label: Label | null
}

function compareFields(
  sides: ProtoSides,
  original: ProtoField,
  update: ProtoField,
  place: Place,
  found: Difference[],
  depth: number,
): string[] {
  const compare = (before: Typed, after: Typed): string[] => {
    if (before.keyType !== null && after.keyType !== null) {
      const part = (type: string): Typed => ({ type, keyType: null, label: null })
      return [...compare(part(before.keyType), part(after.keyType)), ...compare(part(before.type), part(after.type))]
    }
    if (before.keyType !== null || after.keyType !== null) return ['FIELD_KIND_CHANGED']
    const [declared, redeclared] = [
      resolve(sides.original, before.type, place.path, place.original),
      resolve(sides.update, after.type, place.path, place.update),
    ]
    const [kind, kindAfter] = [scalarKind(before.type, declared), scalarKind(after.type, redeclared)]
    if (kind === null && kindAfter === null)
      return compareNamed(sides, before.type, after.type, declared, redeclared, found, depth)
    if (kind === null || kindAfter === null) return ['FIELD_KIND_CHANGED']
    if (kind !== kindAfter) return ['FIELD_SCALAR_KIND_CHANGED']
    const relabelled = before.label !== null && after.label !== null && before.label !== after.label
    return relabelled && kind !== 'string or bytes' ? ['FIELD_NUMERIC_LABEL_CHANGED'] : []
  }
  return compare(original, update)
}

/** Scalars that read each other's bytes. *Source*: Protobuf, "Updating a Message Type". */
const scalarKinds: ReadonlyMap<string, string> = new Map([
  ...['int32', 'int64', 'uint32', 'uint64', 'bool'].map((type) => [type, 'number'] as const),
  ...['sint32', 'sint64'].map((type) => [type, 'signed'] as const),
  ...['string', 'bytes'].map((type) => [type, 'string or bytes'] as const),
  ...['fixed32', 'sfixed32'].map((type) => [type, 'fixed32'] as const),
  ...['fixed64', 'sfixed64'].map((type) => [type, 'fixed64'] as const),
  ['float', 'float'],
  ['double', 'double'],
])

/** null of a message. */
const scalarKind = (type: string, declared: Declared | null): string | null =>
  scalarKinds.get(type) ?? (declared?.type.kind === 'enum' ? 'number' : null)

function compareNamed(
  sides: ProtoSides,
  name: string,
  nameAfter: string,
  original: Declared | null,
  update: Declared | null,
  found: Difference[],
  depth: number,
): string[] {
  if (original === null || update === null) return name === nameAfter ? [] : ['FIELD_NAMED_TYPE_CHANGED']
  if (original.localName !== update.localName) return ['FIELD_NAMED_TYPE_CHANGED']
  // What both files declare themselves is compared where it stands; what both import unchanged is the same.
  if (original.imported === update.imported) return []
  const [before, after] = [original.type, update.type]
  if (before.kind !== 'message' || after.kind !== 'message') return []
  const key = `${before.id} ${after.id}`
  let fits = sides.compared.get(key)
  if (fits === undefined) {
    sides.compared.set(key, true)
    const already = found.length
    const place = { path: original.localName.split('.'), original: original.package, update: update.package }
    compareMessages(sides, before, after, place, found, depth + 1)
    fits = found.length === already
    sides.compared.set(key, fits)
  }
  return fits ? [] : ['FIELD_NAMED_TYPE_CHANGED']
}

/** *Source*: Protobuf language, "Packages and Name Resolution": from the innermost scope outwards. */
function resolve(file: ProtoFile, name: string, path: readonly string[], space: string | null): Declared | null {
  if (scalarKinds.has(name)) return null
  if (name.startsWith('.')) return file.declared.get(name.slice(1)) ?? null
  const around = space ?? file.package
  const scope = around === '' ? [...path] : [...around.split('.'), ...path]
  for (; scope.length > 0; scope.pop()) {
    const declared = file.declared.get(`${scope.join('.')}.${name}`)
    if (declared !== undefined) return declared
  }
  return file.declared.get(name) ?? null
}
