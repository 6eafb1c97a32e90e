import { KeyedMap, type MapKey, type MapValue, setField } from './value.ts'

/** Gathers a map's entries: a plain object, until a key that is no string makes it another kind of map. */
export class MapMaker {
  #plain: MapValue = {}
  #keyed: Map<MapKey, unknown> | null = null

  /** False when the key is there already. */
  add(key: MapKey, value: unknown): boolean {
    if (this.#keyed === null && typeof key !== 'string') this.#keyed = new Map(Object.entries(this.#plain))
    if (this.#keyed !== null) {
      if (this.#keyed.has(key)) return false
      this.#keyed.set(key, value)
      return true
    }
    if (Object.hasOwn(this.#plain, key as string)) return false
    setField(this.#plain, key as string, value)
    return true
  }

  finish(): MapValue | KeyedMap {
    return this.#keyed === null ? this.#plain : new KeyedMap(this.#keyed)
  }
}
