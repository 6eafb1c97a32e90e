import type { ManyMessages, SchemaBody } from '../../schema.ts'
import { protobufFormat } from './protobuf.ts'

/**
 * The part of Protobuf's own `descriptor.proto` that payloads depend on. *Source*: protobuf, descriptor.proto. Types and
 * labels are numbers here, as they are on the wire.
 */
const text = `
syntax = "proto2";
package descriptor;
message File {
  optional string name = 1;
  optional string package = 2;
  repeated string dependency = 3;
  repeated int32 public_dependency = 10;
  repeated Message message_type = 4;
  repeated Enum enum_type = 5;
  optional string syntax = 12;
  optional int32 edition = 14;
}
message Message {
  optional string name = 1;
  repeated Field field = 2;
  repeated Message nested_type = 3;
  repeated Enum enum_type = 4;
  repeated Range extension_range = 5;
  optional MessageOptions options = 7;
  repeated Oneof oneof_decl = 8;
  repeated Range reserved_range = 9;
  repeated string reserved_name = 10;
}
message Range { optional int32 start = 1; optional int32 end = 2; }
message Field {
  optional string name = 1;
  optional int32 number = 3;
  optional int32 label = 4;
  optional int32 type = 5;
  optional string type_name = 6;
  optional string default_value = 7;
  optional FieldOptions options = 8;
  optional int32 oneof_index = 9;
  optional string json_name = 10;
  optional bool proto3_optional = 17;
}
message Oneof { optional string name = 1; }
message Enum {
  optional string name = 1;
  repeated EnumValue value = 2;
  optional EnumOptions options = 3;
}
message EnumValue { optional string name = 1; optional int32 number = 2; }
message MessageOptions { optional bool map_entry = 7; }
message FieldOptions { optional bool packed = 2; }
message EnumOptions { optional bool allow_alias = 2; }
`

export interface RangeDescriptor {
  readonly start?: number
  readonly end?: number
}

export interface FieldDescriptor {
  readonly name?: string
  readonly number?: number
  /** 1 optional, 2 required, 3 repeated. */
  readonly label?: number
  readonly type?: number
  /** Of a message or an enum, with a dot before its full name. */
  readonly type_name?: string
  readonly default_value?: string
  readonly options?: { readonly packed?: boolean }
  readonly oneof_index?: number
  readonly json_name?: string
  readonly proto3_optional?: boolean
}

export interface EnumDescriptor {
  readonly name?: string
  readonly value?: readonly { readonly name?: string; readonly number?: number }[]
  readonly options?: { readonly allow_alias?: boolean }
}

export interface MessageDescriptor {
  readonly name?: string
  readonly field?: readonly FieldDescriptor[]
  readonly nested_type?: readonly MessageDescriptor[]
  readonly enum_type?: readonly EnumDescriptor[]
  readonly extension_range?: readonly RangeDescriptor[]
  readonly options?: { readonly map_entry?: boolean }
  readonly oneof_decl?: readonly { readonly name?: string }[]
  readonly reserved_range?: readonly RangeDescriptor[]
  readonly reserved_name?: readonly string[]
}

export interface FileDescriptor {
  readonly name?: string
  readonly package?: string
  readonly dependency?: readonly string[]
  readonly public_dependency?: readonly number[]
  readonly message_type?: readonly MessageDescriptor[]
  readonly enum_type?: readonly EnumDescriptor[]
  readonly syntax?: string
  readonly edition?: number
}

/** The numbers of scalar types; 10 is a group, 11 a message, 14 an enum. */
export const typeNumbers: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  group: 10,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
}

/** The highest number a field may have; a range to `max` ends behind it. */
export const maxFieldNumber = 536_870_911

let made: SchemaBody | null = null

/** The body that reads and writes file descriptors. */
export function fileDescriptors(): SchemaBody {
  made ??= protobufFormat.compile(text, []) as ManyMessages
  return made
}
