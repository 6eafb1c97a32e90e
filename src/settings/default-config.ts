/**
 * What runs when there is no `config/trestle.yaml`: letter for letter the file that is shipped (a test compares them),
 * as if it lay in the folder `config` of the working directory.
 */
export const defaultConfig = `# yaml-language-server: $schema=../docs/reference/config.schema.json
# The default run: everything embedded, on this machine only. Paths are relative to this file, or absolute.
listeners:
  - { type: tcp, address: 127.0.0.1:1883 }
  - { type: websocket, address: 127.0.0.1:8083, path: /mqtt }
access: { anonymous: true } # whoever is on this machine; other addresses take more than this (see docs/reference/settings.md)
data: ../data # the journal, the cursors, the dead letters
rules: ../rules # one rule a file
schemas: ../schemas # <subject>/<version>.json, .avsc or .proto
connectors:
  records: { type: file, path: "\${data}/out" }
api: { address: 127.0.0.1:8080 } # for \`trestle status\` and its like; any other address takes a token
`
