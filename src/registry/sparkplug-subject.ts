import { Sparkplug } from './formats/sparkplug/sparkplug.ts'
import type { Schema } from './schema.ts'
import { frameOf, headerOf } from './wire-format.ts'

/** The subject under which rules find Sparkplug B, in every registry. */
export const sparkplugSubject = 'sparkplug-b'

/** Sparkplug B, as the one version of a subject that nobody registered. */
export class SparkplugSubject {
  readonly sparkplug = new Sparkplug()
  readonly schema: Schema = schemaOf(this.sparkplug)
  #isWanted = false
  #onWanted: () => void = () => {}

  /** A rule reads by it: from now on edge nodes are looked at. */
  want(): Schema {
    if (!this.#isWanted) {
      this.#isWanted = true
      this.#onWanted()
    }
    return this.schema
  }

  /** Calls back once a rule reads by it; at once when one does already. */
  onWanted(listener: () => void): void {
    this.#onWanted = listener
    if (this.#isWanted) listener()
  }
}

/** Its bytes carry no id; one all the same, for who looks at a schema's id alone. */
const id = 0x5370_4276
const guid = '53704276-312e-3000-8000-000000000001'

const schemaOf = (sparkplug: Sparkplug): Schema => ({
  subject: sparkplugSubject,
  version: 1,
  id,
  guid,
  format: 'sparkplug',
  file: null,
  text: 'Eclipse Sparkplug 3.0, payload B',
  references: [],
  frame: frameOf(id),
  header: headerOf(guid),
  check: (value) => sparkplug.check(value),
  fields: () => sparkplug.fields(),
  decode: (bytes, topic) => sparkplug.decode(bytes, topic),
  encode: (value, before) => sparkplug.encode(value, before),
  get fault() {
    return sparkplug.fault
  },
})
