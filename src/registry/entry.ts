import type { Content } from './content.ts'
import { type ManyMessages, type Schema, type SchemaBody, schemaOf } from './schema.ts'
import { frameOf, headerOf } from './wire-format.ts'

/** What a version of a subject is kept as. */
interface EntryName {
  readonly subject: string
  /** Counts from 1 within the subject. */
  readonly version: number
  readonly content: Content
  /** Softly: no name leads to it, its id still does. */
  readonly deleted: boolean
  /** null when it came over the API. */
  readonly file: string | null
}

/** One version of a subject. Its schema is made when it is first asked for, and stays the same object. */
export class Entry implements EntryName {
  readonly subject: string
  readonly version: number
  readonly content: Content
  readonly deleted: boolean
  readonly file: string | null
  #schema: Schema | null = null
  /** Further messages of the file, by name. */
  #messages: Map<string, Schema> | null = null

  constructor({ subject, version, content, deleted, file }: EntryName) {
    this.subject = subject
    this.version = version
    this.content = content
    this.deleted = deleted
    this.file = file
  }

  /** The same version, deleted or not. */
  marked(deleted: boolean): Entry {
    return new Entry({ ...this.name, deleted })
  }

  private get name(): EntryName {
    const { subject, version, content, deleted, file } = this
    return { subject, version, content, deleted, file }
  }

  /** null when the text does not compile. */
  get schema(): Schema | null {
    if (this.#schema === null) {
      const { body } = this.content
      const first = body !== null && hasMessages(body) ? (body.messages()[0]?.indexes ?? firstMessage) : null
      this.#schema = body === null ? null : this.#named(body, first)
    }
    return this.#schema
  }

  /** A message of the file by its full name; null when it has none of this name. */
  message(name: string): Schema | null {
    const { body } = this.content
    if (body === null || !hasMessages(body)) return null
    const known = this.#messages?.get(name)
    if (known !== undefined) return known
    const found = body.messages().find((one) => one.name === name)
    const selected = found === undefined ? null : body.select(name)
    if (found === undefined || selected === null) return null
    const schema = isFirst(found.indexes) ? this.schema! : this.#named(selected, found.indexes)
    this.#messages ??= new Map()
    this.#messages.set(name, schema)
    return schema
  }

  /** The message a frame's indexes lead to; null when there is none. */
  messageAt(indexes: readonly number[]): Schema | null {
    const { body } = this.content
    if (isFirst(indexes) || body === null || !hasMessages(body)) return this.schema
    const wanted = indexes.join()
    const found = body.messages().find((one) => one.indexes.join() === wanted)
    return found === undefined ? null : this.message(found.name)
  }

  #named(body: SchemaBody, indexes: readonly number[] | null): Schema {
    const { subject, version, content, file } = this
    const { id, guid, format, text, references } = content
    return schemaOf(body, {
      subject,
      version,
      id,
      guid,
      format,
      file,
      text,
      references,
      frame: frameOf(id, indexes),
      header: headerOf(guid, indexes),
    })
  }
}

const firstMessage: readonly number[] = [0]
const isFirst = (indexes: readonly number[]): boolean => indexes.length === 1 && indexes[0] === 0

const hasMessages = (body: SchemaBody): body is ManyMessages => 'messages' in body && 'select' in body
