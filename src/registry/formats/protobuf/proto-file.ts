/** What a `.proto` file says, before its names are resolved. */

export interface ProtoFile {
  /** `proto2`, `proto3`, or the year of an edition. */
  readonly edition: string
  readonly package: string
  readonly imports: readonly ProtoImport[]
  readonly options: Options
  readonly messages: readonly MessageDeclaration[]
  readonly enums: readonly EnumDeclaration[]
}

export interface ProtoImport extends Place {
  readonly path: string
  /** Who imports this file sees what it imports so. */
  readonly public: boolean
}

export interface Place {
  readonly line: number
  readonly column: number
}

export interface MessageDeclaration extends Place {
  readonly name: string
  /** Its place among the messages around it, as protoc counts: a map is a list of messages of its own. */
  readonly index: number
  readonly fields: readonly FieldDeclaration[]
  readonly oneofs: readonly OneofDeclaration[]
  readonly messages: readonly MessageDeclaration[]
  readonly enums: readonly EnumDeclaration[]
  readonly options: Options
  readonly reserved: Reserved
  /** Numbers for fields that others declare. */
  readonly extensions: readonly (readonly [first: number, last: number])[]
}

export interface OneofDeclaration extends Place {
  readonly name: string
  readonly options: Options
}

export interface FieldDeclaration extends Place {
  readonly name: string
  readonly number: number
  readonly label: 'optional' | 'required' | 'repeated' | null
  /** A scalar, or the name of a type as it is written. For a map its value's. */
  readonly type: string
  /** The scalar of a map's keys; null when it is no map. */
  readonly key: string | null
  /** Where it belongs to one: the name of its oneof. */
  readonly oneof: string | null
  /** proto2's `group`: its type is declared with it. */
  readonly group: boolean
  readonly options: Options
}

export interface EnumDeclaration extends Place {
  readonly name: string
  readonly values: readonly { readonly name: string; readonly number: number }[]
  readonly options: Options
}

export interface Reserved {
  readonly ranges: readonly (readonly [first: number, last: number])[]
  readonly names: ReadonlySet<string>
}

/**
 * Options by name, `features.field_presence` and `json_name` alike. Custom ones, in parentheses, mean nothing here and
 * are left out. *Shape*: values as text.
 */
export type Options = ReadonlyMap<string, string>
