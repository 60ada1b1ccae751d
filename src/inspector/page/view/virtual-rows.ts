import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useReducer, useState } from 'preact/hooks'

export interface VirtualRows {
  readonly items: readonly VirtualItem[]
  readonly heightPx: number
  readonly scrollTo: (index: number) => void
}

/** Keeps only the visible rows, and a few around them, in the document. */
export function useVirtualRows(
  count: number,
  rowHeightPx: number,
  scroller: RefObject<HTMLElement | null>,
): VirtualRows {
  const [, renew] = useReducer((times: number, _cause: undefined) => times + 1, 0)
  const options = {
    count,
    overscan: 8,
    estimateSize: () => rowHeightPx,
    getScrollElement: () => scroller.current,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => renew(undefined),
  }
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options))
  virtualizer.setOptions(options)
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer])
  useLayoutEffect(() => virtualizer._willUpdate())
  useEffect(() => virtualizer.measure(), [virtualizer, rowHeightPx])
  return {
    items: virtualizer.getVirtualItems(),
    heightPx: virtualizer.getTotalSize(),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
  }
}
