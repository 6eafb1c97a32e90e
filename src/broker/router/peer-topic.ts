/** Where a topic names its one receiver: before the rest (`p2p/{client}/{topic}`), behind it (`{topic}/p2p/{client}`). */
export type PeerMode = 'off' | 'prefix' | 'suffix' | 'both'

/** A message from one client to another, who need not subscribe. */
export interface PeerTopic {
  readonly clientId: string
  /** As the receiver sees it. */
  readonly topic: string
}

const word = 'p2p'

/** Whom a topic is for; null when it is for its subscribers. It has three levels at least. */
export function readPeerTopic(topic: string, mode: PeerMode): PeerTopic | null {
  if (mode === 'off') return null
  if (mode !== 'suffix' && topic.startsWith(`${word}/`)) {
    const end = topic.indexOf('/', word.length + 1)
    const rest = end === -1 ? '' : topic.slice(end + 1)
    const clientId = end === -1 ? '' : topic.slice(word.length + 1, end)
    // Nobody may be sent what looks like the hub's own topics.
    if (rest !== '' && clientId !== '' && !rest.startsWith('$')) return { clientId, topic: rest }
  }
  if (mode === 'prefix') return null
  const last = topic.lastIndexOf('/')
  const start = topic.lastIndexOf('/', last - 1)
  if (start <= 0 || topic.startsWith('$') || topic.slice(start + 1, last) !== word || last === topic.length - 1)
    return null
  return { clientId: topic.slice(last + 1), topic: topic.slice(0, start) }
}
