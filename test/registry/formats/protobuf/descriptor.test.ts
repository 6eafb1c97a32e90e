import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import protobuf from 'protobufjs'
import { descriptorOf } from '../../../../src/registry/formats/protobuf/descriptor.ts'
import { textOfDescriptor } from '../../../../src/registry/formats/protobuf/descriptor-text.ts'
import { protobufFormat } from '../../../../src/registry/formats/protobuf/protobuf.ts'
import type { ManyMessages } from '../../../../src/registry/schema.ts'

const proto3 = `syntax = "proto3";
package plant;
import "google/protobuf/timestamp.proto";
message Reading {
  enum Quality { UNKNOWN = 0; GOOD = 1; }
  message Part { int32 n = 1; }
  string device = 1;
  optional double celsius = 2;
  Quality quality = 3;
  map<string, Part> parts = 4;
  oneof where { string line = 5; Part part = 6; }
  repeated sint64 counts = 7 [packed = false];
  google.protobuf.Timestamp at = 8;
  Reading before = 9 [json_name = "earlier"];
  reserved 20, 30 to 40;
  reserved "old";
}
message Alarm { bytes raw = 1; }`

const proto2 = `syntax = "proto2";
package old;
message Box {
  required string name = 1 [default = "a\\"b"];
  optional int32 n = 2 [default = -7];
  optional Kind kind = 3 [default = LARGE];
  repeated group Item = 4 { optional int64 id = 1; }
  optional bytes raw = 5 [default = "\\001x"];
  map<string, int32> counts = 6;
  message Late { optional int32 n = 1; }
  extensions 100 to max;
}
enum Kind { option allow_alias = true; SMALL = 1; LARGE = 2; BIG = 2; }`

const bodyOf = (text: string): ManyMessages => {
  const body = protobufFormat.compile(text, [])
  assert.ok(!Array.isArray(body), JSON.stringify(body))
  return body as ManyMessages
}

describe('B5: a Protobuf file as its own description', () => {
  it('means the same when it comes back: the same messages, the same bytes', () => {
    const cases: [string, object][] = [
      [
        proto3,
        {
          device: 'x',
          celsius: 0,
          quality: 'GOOD',
          parts: { a: { n: 1 } },
          line: 'l',
          counts: [-1, 2],
          before: { device: 'y' },
        },
      ],
      [proto2, { name: 'n', n: 3, kind: 'LARGE', item: [{ id: 9 }] }],
    ]
    for (const [text, value] of cases) {
      const back = textOfDescriptor(descriptorOf(text, [])!)!
      const [before, after] = [bodyOf(text), bodyOf(back)]
      assert.deepEqual(after.messages(), before.messages())
      const bytes = before.encode(value)
      assert.ok(bytes !== null, JSON.stringify(before.fault))
      assert.deepEqual(after.encode(value), bytes)
      assert.deepEqual(after.decode(bytes, ''), before.decode(bytes, ''))
      assert.equal(descriptorOf(back, []), descriptorOf(text, []))
    }
  })

  it('is read by another implementation', async () => {
    await import('protobufjs/ext/descriptor/index.js')
    const text = proto3.replace(/import.*;/, '').replace('google.protobuf.Timestamp at = 8;', '')
    const file = Buffer.from(descriptorOf(text, [])!, 'base64')
    assert.ok(file.length > 127 && file.length < 16_384)
    // A set of files: field 1, the length of the file as a varint, the file.
    const set = Buffer.concat([Buffer.of(0x0a, (file.length & 0x7f) | 0x80, file.length >> 7), file])
    const { fromDescriptor } = protobuf.Root as unknown as { fromDescriptor(set: Uint8Array): protobuf.Root }
    const reading = fromDescriptor.call(protobuf.Root, set).lookupType('plant.Reading')
    const encoded = reading.encode(reading.create({ device: 'x', celsius: 2.5, counts: [1, -1] })).finish()
    const decoded = bodyOf(text).decode(encoded, '') as Record<string, unknown>
    assert.deepEqual([decoded['device'], decoded['celsius'], decoded['counts']], ['x', 2.5, [1, -1]])
  })

  it('is none where the text is plain, the bytes are others, or an edition’s', () => {
    for (const text of ['', 'syntax', proto3, 'AAAA', Buffer.from('{"a": 1}').toString('base64')])
      assert.equal(textOfDescriptor(text), null, text)
    assert.equal(descriptorOf('syntax = "proto3"; message', []), null)
    assert.equal(descriptorOf('edition = "2023"; message M { int32 n = 1; }', []), null)
  })
})
