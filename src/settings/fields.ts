import { Type } from 'typebox'
import { type Quantity, quantityPattern } from './quantity.ts'

/** What every field of the schema says of itself beyond its type; the reference pages are printed from it. */
export interface FieldOptions<T> {
  description: string
  default?: T
  examples?: readonly unknown[]
  /** How a fault names what is wanted: `expected …`. */
  expects?: string
  /** The value never leaves the hub: logs, errors, the API and `config print` show `•••`. */
  secret?: true
  [keyword: string]: unknown
}

const examples = { bytes: ['64 MB', '1 GiB'], ms: ['500 ms', '10 s'], s: ['90 s', '7 d'] }
const wanted = {
  bytes: 'a size such as 64 MB, or bytes',
  ms: 'a time such as 10 s, or milliseconds',
  s: 'a time such as 90 s or 7 d, or seconds',
}

/** A field that takes a number, or a string with a unit; the value is the number. */
const quantity = (kind: Quantity, options: Omit<FieldOptions<number | string>, 'expects'>) =>
  Type.Unsafe<number>({
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: quantityPattern(kind) },
    ],
    quantity: kind,
    unit: kind,
    expects: wanted[kind],
    examples: examples[kind],
    ...options,
  })

export const bytes = (options: Omit<FieldOptions<number | string>, 'expects'>) => quantity('bytes', options)
export const milliseconds = (options: Omit<FieldOptions<number | string>, 'expects'>) => quantity('ms', options)
export const seconds = (options: Omit<FieldOptions<number | string>, 'expects'>) => quantity('s', options)
/** A number of things. */
export const count = (options: FieldOptions<number>) => Type.Integer({ minimum: 1, ...options })

/** A file or folder; relative to the folder of the configuration file, or `${data}/…` for the data folder. */
export const path = (options: FieldOptions<string>) =>
  Type.String({ minLength: 1, format: 'path', expects: 'a path', ...options })

/** Where to listen. IPv6 in brackets; port 0 lets the system choose. */
export const address = (options: FieldOptions<string>) =>
  Type.String({
    pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):\\d{1,5}$',
    expects: 'host:port',
    examples: ['127.0.0.1:1883', '[::1]:1883', '0.0.0.0:1883'],
    ...options,
  })

export const oneOf = <const W extends string>(words: readonly W[], options: FieldOptions<W>) =>
  Type.Unsafe<W>({ type: 'string', enum: words, ...options })
