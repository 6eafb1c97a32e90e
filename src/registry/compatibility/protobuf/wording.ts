import type { Difference, Sides } from '../incompatibility.ts'

/** What a rule says, as Confluent's registry words it. */
export function describeProtobuf({ rule }: Difference, path: string, { reader, writer }: Sides): string {
  switch (rule) {
    case 'PACKAGE_CHANGED':
      return `The package at '${path}' in the ${reader} schema does not match the package in the ${writer} schema`
    case 'MESSAGE_REMOVED':
      return `The ${reader} schema is missing a MESSAGE type at path '${path}' in the ${writer} schema`
    case 'FIELD_KIND_CHANGED':
      return `The type of a field at path '${path}' in the ${reader} schema does not match the ${writer} schema`
    case 'FIELD_SCALAR_KIND_CHANGED':
      return `The kind of a SCALAR field at path '${path}' in the ${reader} schema does not match its kind in the ${writer} schema`
    case 'FIELD_NAMED_TYPE_CHANGED':
      return `The type of a MESSAGE field at path '${path}' in the ${reader} schema does not match its type in the ${writer} schema`
    case 'FIELD_NUMERIC_LABEL_CHANGED':
      return `The label for a NUMERIC field at path '${path}' in the ${reader} schema does not match its label in the ${writer} schema`
    case 'REQUIRED_FIELD_ADDED':
      return `A required field at path '${path}' in the ${reader} schema is missing in the ${writer} schema`
    case 'REQUIRED_FIELD_REMOVED':
      return `The ${reader} schema is missing a required field at path: '${path}' in the ${writer} schema`
    case 'ONEOF_FIELD_REMOVED':
      return `The ${reader} schema is missing a oneof field at path '${path}' in the ${writer} schema`
    case 'MULTIPLE_FIELDS_MOVED_TO_ONEOF':
      return `Multiple fields in the oneof at path '${path}' in the ${reader} schema are outside a oneof in the ${writer} schema`
    default:
      return `A field in the oneof at path '${path}' in the ${reader} schema is outside an existing oneof in the ${writer} schema`
  }
}
