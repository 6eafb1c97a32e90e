/**
 * The TypeScript type of what a JSON Schema of options describes, so that options are written once: as the schema.
 *
 * *Shape*: knows `type`, `enum`, `quantity`, `items`, `properties`, `required` and `default`; a field that is required or has a
 * default is always present (the hub fills defaults in), any other is optional. Declare the schema `as const`.
 */
export type OptionsOf<Schema> = Schema extends { readonly enum: ReadonlyArray<infer Value> }
  ? Value
  : Schema extends { readonly quantity: string }
    ? number
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

const quantity = <const Kind extends string>(kind: Kind, units: string, expects: string) =>
  ({
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: `^\\d+(\\.\\d+)?( ?(${units}))?$` },
    ],
    quantity: kind,
    unit: kind,
    expects,
  }) as const

/**
 * Fields that take a number or a text with a unit (`64 MB`, `10 s`); the connector gets the number. Spread one of them
 * into a field whose name ends in the unit: `{ ...quantities.ms, default: 10, description: … }`.
 */
export const quantities = {
  bytes: quantity('bytes', 'B|kB|MB|GB|TB|KiB|MiB|GiB|TiB', 'a size such as 64 MB, or bytes'),
  ms: quantity('ms', 'ms|s|min|h|d', 'a time such as 10 s, or milliseconds'),
  s: quantity('s', 's|min|h|d', 'a time such as 90 s or 7 d, or seconds'),
} as const

const pem = (description: string) => ({ type: 'string', format: 'path', description }) as const

/**
 * What every client that speaks TLS asks for: spread them into the `properties` of its `tls`, and its own behind them.
 *
 * *Shape*: `peer` is what the far side is called: `server`, `broker`.
 */
export const tlsFields = (peer: string) =>
  ({
    ca: pem(`The authority that signed the certificate of the ${peer}.`),
    cert: pem('The certificate of the hub.'),
    key: pem('The private key of that certificate.'),
    reject_unauthorized: {
      type: 'boolean',
      default: true,
      description: `Refuse a ${peer} whose certificate cannot be verified.`,
    },
  }) as const

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
