import { RE2JS } from '@bufbuild/re2'
import { below, type Difference, difference } from '../incompatibility.ts'
import type { Compared } from './comparison.ts'
import { own, type RawSchema } from './documents.ts'
import { compareLower, compareUpper } from './limits.ts'
import type { SchemaModel, SchemaPart } from './model.ts'
import { compareUnevaluated, unevaluatedOf } from './unevaluated.ts'
import { isWithin } from './values.ts'

/** What a schema says of an object's properties. */
interface Properties {
  readonly named: ReadonlyMap<string, SchemaPart>
  /** Names of properties that bring a value of their own. */
  readonly defaulted: ReadonlySet<string>
  readonly required: ReadonlySet<string>
  readonly patterned: readonly (readonly [pattern: RE2JS, schema: SchemaPart])[]
  /** What no name and no pattern speaks of: false refuses it, null says nothing. */
  readonly rest: SchemaPart | false | null
  readonly unevaluated: SchemaPart | null
}

const entriesOf = (keywords: RawSchema, name: string): [string, unknown][] => {
  const value = own(keywords, name)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
}

const known = new WeakMap<SchemaPart, Properties>()

function propertiesOf(model: SchemaModel, part: SchemaPart): Properties {
  const properties = known.get(part) ?? readProperties(model, part)
  known.set(part, properties)
  return properties
}

function readProperties(model: SchemaModel, { keywords, scope }: SchemaPart): Properties {
  const named = entriesOf(keywords, 'properties')
  const [rest, required] = [own(keywords, 'additionalProperties'), own(keywords, 'required')]
  return {
    named: new Map(named.map(([name, schema]) => [name, model.part(schema, scope)])),
    defaulted: new Set(named.filter(([, schema]) => hasDefault(schema)).map(([name]) => name)),
    required: new Set(Array.isArray(required) ? (required as string[]) : []),
    patterned: entriesOf(keywords, 'patternProperties').flatMap(([pattern, schema]) => {
      const compiled = compile(pattern)
      return compiled === null ? [] : [[compiled, model.part(schema, scope)] as const]
    }),
    rest: rest === undefined || rest === true ? null : rest === false ? false : model.part(rest, scope),
    unevaluated: unevaluatedOf(model, keywords, scope, 'unevaluatedProperties'),
  }
}

/** null where RE2 does not take it; such a schema is refused before it is compared. */
function compile(pattern: string): RE2JS | null {
  try {
    return RE2JS.compile(pattern)
  } catch (thrown) {
    if (thrown instanceof Error) return null
    throw thrown
  }
}

const hasDefault = (schema: unknown): boolean =>
  typeof schema === 'object' && schema !== null && Object.hasOwn(schema, 'default')

export function compareObjects(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const [before, after] = [propertiesOf(compared.original, original), propertiesOf(compared.update, update)]
  return [
    ...compareRequired(before, after),
    ...compareProperties(compared, before, after),
    ...compareDependencies(compared, original, update),
    ...compareRest(compared, before, after),
    ...compareUnevaluated(compared, before.unevaluated, after.unevaluated, 'unevaluatedProperties'),
    ...compareUpper(original, update, 'maxProperties'),
    ...compareLower(original, update, 'minProperties'),
  ]
}

/**
 * Whether two objects differ in a property with listed values, as the one that names the kind of an alternative. It is
 * what comparing them would find as well, after comparing all they hold.
 */
export function tellApart(compared: Compared, original: SchemaPart, update: SchemaPart): boolean {
  const [before, after] = [compared.original.resolve(original), compared.update.resolve(update)]
  if (before.kind !== 'object' || after.kind !== 'object') return false
  const { named } = propertiesOf(compared.update, after)
  for (const [name, schema] of propertiesOf(compared.original, before).named) {
    const other = named.get(name)
    if (other === undefined || !listsValues(schema) || !listsValues(other)) continue
    if (compared.compare(schema, other).length > 0) return true
  }
  return false
}

const listsValues = ({ kind }: SchemaPart): boolean => kind === 'const' || kind === 'enum'

const compareRequired = (before: Properties, after: Properties): readonly Difference[] =>
  [...before.named.keys()]
    .filter((name) => after.named.has(name) && after.required.has(name))
    .filter((name) => !before.required.has(name) && !after.defaulted.has(name))
    .map((name) => difference('REQUIRED_ATTRIBUTE_ADDED', ['required', name]))

function compareProperties(compared: Compared, before: Properties, after: Properties): readonly Difference[] {
  const found: Difference[] = []
  for (const name of [...new Set([...before.named.keys(), ...after.named.keys()])].sort()) {
    const path = ['properties', name]
    const [schema, schemaNow] = [before.named.get(name), after.named.get(name)]
    if (schema !== undefined && schemaNow !== undefined) found.push(...below(path, compared.compare(schema, schemaNow)))
    else if (schemaNow === undefined) found.push(...below(path, removed(compared, name, schema!, after)))
    else found.push(...below(path, added(compared, name, before, schemaNow, after)))
  }
  return found
}

/** Removing a property's schema widens an open object, and refuses the property of a closed one. */
function removed(compared: Compared, name: string, schema: SchemaPart, after: Properties): readonly Difference[] {
  const covering = coveringOf(after, name)
  if (covering === 'open') return []
  if (covering === 'closed') {
    return schema.kind === 'nothing' ? [] : [difference('PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL')]
  }
  const found = compared.compare(schema, covering)
  return found.length === 0
    ? []
    : [...found, difference('PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL')]
}

/** Naming a property narrows an open object, where it may have been anything; a closed one never had it. */
function added(
  compared: Compared,
  name: string,
  before: Properties,
  schema: SchemaPart,
  after: Properties,
): readonly Difference[] {
  const covering = coveringOf(before, name)
  const required = after.required.has(name)
  if (covering === 'open') {
    if (schema.kind === 'anything') return []
    if (!required) return [difference('OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL')]
    const rule = after.defaulted.has(name) ? 'REQUIRED_PROPERTY_WITH_DEFAULT_ADDED' : 'REQUIRED_PROPERTY_ADDED'
    return [difference(`${rule}_TO_OPEN_CONTENT_MODEL`)]
  }
  const found = covering === 'closed' ? [] : [...compared.compare(covering, schema)]
  if (found.length > 0) found.push(difference('PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL'))
  if (required && !after.defaulted.has(name)) found.push(difference('REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL'))
  return found
}

/** What holds for a property that is not named: an open content model, a closed one, or a schema. */
function coveringOf({ patterned, rest, unevaluated }: Properties, name: string): SchemaPart | 'open' | 'closed' {
  const pattern = patterned.find(([source]) => source.test(name))
  if (pattern !== undefined) return pattern[1]
  if (rest === false) return 'closed'
  if (rest !== null) return rest
  if (unevaluated !== null && unevaluated.kind !== 'anything')
    return unevaluated.kind === 'nothing' ? 'closed' : unevaluated
  // With patterns a name that fits none of them counts as if nothing could be there.
  return patterned.length > 0 ? 'closed' : 'open'
}

function compareRest(compared: Compared, before: Properties, after: Properties): readonly Difference[] {
  const path = ['additionalProperties']
  if (after.rest === false) return before.rest === false ? [] : [difference('ADDITIONAL_PROPERTIES_REMOVED', path)]
  if (before.rest === false || after.rest === null) return []
  if (before.rest === null) return [difference('ADDITIONAL_PROPERTIES_NARROWED', path)]
  return below(path, compared.compare(before.rest, after.rest))
}

function compareDependencies(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const [before, after] = [dependenciesOf(original), dependenciesOf(update)]
  const found: Difference[] = []
  for (const [name, dependency] of after) {
    const path = ['dependencies', name]
    const earlier = before.get(name)
    if (Array.isArray(dependency)) {
      const rule = arrayRule(Array.isArray(earlier) ? earlier : null, dependency)
      if (rule !== null) found.push(difference(rule, path))
    } else if (earlier === undefined || Array.isArray(earlier)) {
      found.push(difference('DEPENDENCY_SCHEMA_ADDED', path))
    } else {
      const [schema, schemaNow] = [
        compared.original.part(earlier, original.scope),
        compared.update.part(dependency, update.scope),
      ]
      found.push(...below(path, compared.compare(schema, schemaNow)))
    }
  }
  return found
}

/** Of all drafts: `dependencies`, or what it was split into. */
const dependenciesOf = ({ keywords }: SchemaPart): Map<string, unknown> =>
  new Map(['dependencies', 'dependentRequired', 'dependentSchemas'].flatMap((keyword) => entriesOf(keywords, keyword)))

function arrayRule(before: readonly unknown[] | null, after: readonly unknown[]): string | null {
  if (before === null) return 'DEPENDENCY_ARRAY_ADDED'
  const [names, namesNow] = [new Set(before), new Set(after)]
  if (isWithin(namesNow, names)) return null
  return isWithin(names, namesNow) ? 'DEPENDENCY_ARRAY_EXTENDED' : 'DEPENDENCY_ARRAY_CHANGED'
}
