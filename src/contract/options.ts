/**
 * The TypeScript type of what a JSON Schema of options describes, so that options are written once: as the schema.
 *
 * *Shape*: knows `type`, `enum`, `items`, `properties`, `required` and `default`; a field that is required or has a
 * default is always present (the hub fills defaults in), any other is optional. Declare the schema `as const`.
 */
export type OptionsOf<Schema> = Schema extends { readonly enum: ReadonlyArray<infer Value> }
  ? Value
  : Schema extends { readonly type: 'object'; readonly properties: infer Fields }
    ? ObjectOf<Fields, NamesOf<Schema>>
    : Schema extends { readonly type: 'array'; readonly items: infer Item }
      ? ReadonlyArray<OptionsOf<Item>>
      : Schema extends { readonly type: 'string' }
        ? string
        : Schema extends { readonly type: 'integer' | 'number' }
          ? number
          : Schema extends { readonly type: 'boolean' }
            ? boolean
            : unknown

type NamesOf<Schema> = Schema extends { readonly required: ReadonlyArray<infer Name> } ? Name : never

type Present<Fields, Required> = {
  [Name in keyof Fields]: Name extends Required
    ? Name
    : Fields[Name] extends { readonly default: unknown }
      ? Name
      : never
}[keyof Fields]

type ObjectOf<Fields, Required> = {
  readonly [Name in Present<Fields, Required>]: OptionsOf<Fields[Name]>
} & {
  readonly [Name in Exclude<keyof Fields, Present<Fields, Required>>]?: OptionsOf<Fields[Name]>
}

/** The options with the schema's defaults where nothing is given, in nested objects that are given too. */
export function withDefaults<const Schema extends object>(schema: Schema, given: object): OptionsOf<Schema> {
  return fill(schema, given) as OptionsOf<Schema>
}

interface Field {
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Field>>
}

function fill(schema: Field, given: object): Record<string, unknown> {
  const values: Record<string, unknown> = { ...given }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const value = values[name] ?? field.default
    if (value === undefined) continue
    const nested = field.properties !== undefined && typeof value === 'object' && value !== null
    values[name] = nested ? fill(field, value) : value
  }
  return values
}
