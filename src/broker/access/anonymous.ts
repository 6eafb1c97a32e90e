import type { Access } from './access.ts'

/** Lets everybody in, under the name they give. Topics below `$SYS` are the hub's own: nobody publishes there. */
export const anonymous: Access = {
  version: 0,
  authenticate: (info) => ({ principal: { clientId: info.clientId, username: info.username } }),
  mayPublish: (_who, topic) => !topic.startsWith('$SYS/'),
  maySubscribe: () => true,
}
