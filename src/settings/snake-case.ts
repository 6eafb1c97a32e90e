type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S

/** The same fields under the names TypeScript code uses: `max_bytes` as `maxBytes`. */
export type CamelKeys<T> = { readonly [K in keyof T as Camel<K & string>]: T[K] }

/** Renames the fields of one flat section of the settings. */
export function camelKeys<T extends object>(section: T): CamelKeys<T> {
  const renamed = Object.entries(section).map(([key, value]) => [camel(key), value])
  return Object.fromEntries(renamed) as CamelKeys<T>
}

const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
