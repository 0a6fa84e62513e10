package logs

import (
	"slices"
	"strings"
	"time"
)

// bins is how many spans of time a histogram has.
const bins = 32

// Histogram counts over time, in a fixed number of spans that grow wider as need be.
type Histogram struct {
	Width  time.Duration // of one span; zero: nothing is counted
	Counts [bins]int

	first int64 // number of the first span, counted from 1970
}

// Start returns when the first span begins.
func (h *Histogram) Start() time.Time {
	return time.Unix(0, 0).Add(time.Duration(h.first) * h.Width).UTC()
}

// Add counts something once.
func (h *Histogram) Add(t time.Time) {
	if t.Year() < 1970 || t.Year() > 2200 {
		return
	}
	if h.Width == 0 {
		h.Width, h.first = time.Second, t.Unix()
	}
	for {
		n := t.UnixNano()/int64(h.Width) - h.first
		switch {
		case n >= 0 && n < bins:
			h.Counts[n]++
			return
		case n < 0 && h.shift(-n):
		default:
			h.widen()
		}
	}
}

// shift makes room for n spans before the first, where the last ones are empty.
func (h *Histogram) shift(n int64) bool {
	if n >= bins {
		return false
	}
	for _, count := range h.Counts[bins-n:] {
		if count > 0 {
			return false
		}
	}
	copy(h.Counts[n:], h.Counts[:bins-n])
	clear(h.Counts[:n])
	h.first -= n
	return true
}

// widen joins each two spans.
func (h *Histogram) widen() {
	var wide [bins]int
	first := h.first >> 1
	for i, count := range h.Counts {
		wide[(h.first+int64(i))>>1-first] += count
	}
	h.Counts, h.first, h.Width = wide, first, 2*h.Width
}

// Bars draws a histogram between two times in as many characters as asked for.
func (h *Histogram) Bars(from, to time.Time, columns int) string {
	counts := h.spread(from, to.Add(time.Second), columns)
	most := slices.Max(counts)
	steps := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, count := range counts {
		if count < most/1000 || count == 0 {
			b.WriteByte('.')
		} else {
			b.WriteRune(steps[min(int(count/most*float64(len(steps))), len(steps)-1)])
		}
	}
	return b.String()
}

// spread returns the counts in columns between two times, each span shared out to those it overlaps.
func (h *Histogram) spread(from, to time.Time, columns int) []float64 {
	counts := make([]float64, columns)
	column := to.Sub(from).Seconds() / float64(columns)
	start := h.Start().Sub(from).Seconds()
	for i, count := range h.Counts {
		if count == 0 {
			continue
		}
		left := max(0, start+float64(i)*h.Width.Seconds())
		right := min(to.Sub(from).Seconds(), start+float64(i+1)*h.Width.Seconds())
		for c := int(left / column); c < columns && float64(c)*column < right; c++ {
			overlap := min(right, float64(c+1)*column) - max(left, float64(c)*column)
			counts[c] += float64(count) * overlap / (right - left)
		}
	}
	return counts
}
