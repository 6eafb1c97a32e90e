/** Names that every object has without holding them as data. */
export const isInherited = (name: string): boolean => name in Object.prototype

/**
 * An object with these fields, all undefined, to be copied and filled: copies share one hidden class, and a field
 * named `__proto__` is a field.
 */
export const templateOf = (names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, undefined]))

/** Gives an object an own field, whatever its name. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  } else object[name] = value
}
