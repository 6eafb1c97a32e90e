/**
 * Files that any schema may import without a reference: Protobuf's own, a few of `google/type`, and Confluent's. Only
 * what payloads are made of is here; what serves custom options alone is empty.
 */
export const wellKnownFiles: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'google/protobuf/any.proto': google('message Any { string type_url = 1; bytes value = 2; }'),
    'google/protobuf/timestamp.proto': google('message Timestamp { int64 seconds = 1; int32 nanos = 2; }'),
    'google/protobuf/duration.proto': google('message Duration { int64 seconds = 1; int32 nanos = 2; }'),
    'google/protobuf/empty.proto': google('message Empty {}'),
    'google/protobuf/field_mask.proto': google('message FieldMask { repeated string paths = 1; }'),
    'google/protobuf/source_context.proto': google('message SourceContext { string file_name = 1; }'),
    'google/protobuf/descriptor.proto': 'syntax = "proto2"; package google.protobuf;',
    'google/protobuf/cpp_features.proto': 'syntax = "proto2"; package pb;',
    'google/protobuf/java_features.proto': 'syntax = "proto2"; package pb;',
    'google/protobuf/go_features.proto': 'syntax = "proto2"; package pb;',
    'google/protobuf/wrappers.proto': google(`
      message DoubleValue { double value = 1; }
      message FloatValue { float value = 1; }
      message Int64Value { int64 value = 1; }
      message UInt64Value { uint64 value = 1; }
      message Int32Value { int32 value = 1; }
      message UInt32Value { uint32 value = 1; }
      message BoolValue { bool value = 1; }
      message StringValue { string value = 1; }
      message BytesValue { bytes value = 1; }`),
    'google/protobuf/struct.proto': google(`
      message Struct { map<string, Value> fields = 1; }
      message Value {
        oneof kind {
          NullValue null_value = 1;
          double number_value = 2;
          string string_value = 3;
          bool bool_value = 4;
          Struct struct_value = 5;
          ListValue list_value = 6;
        }
      }
      enum NullValue { NULL_VALUE = 0; }
      message ListValue { repeated Value values = 1; }`),
    'google/type/date.proto': type('message Date { int32 year = 1; int32 month = 2; int32 day = 3; }'),
    'google/type/latlng.proto': type('message LatLng { double latitude = 1; double longitude = 2; }'),
    'google/type/money.proto': type('message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }'),
    'google/type/timeofday.proto': type(
      'message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
    ),
    'google/type/decimal.proto': type('message Decimal { string value = 1; }'),
    'confluent/meta.proto': `syntax = "proto3"; package confluent;
      message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }`,
    'confluent/type/decimal.proto': `syntax = "proto3"; package confluent.type;
      message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
  }),
)

function google(declarations: string): string {
  return `syntax = "proto3"; package google.protobuf; ${declarations}`
}

function type(declarations: string): string {
  return `syntax = "proto3"; package google.type; ${declarations}`
}
