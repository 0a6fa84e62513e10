// Package spell finds the name that a misspelt one was probably meant to be.
package spell

// longest is the length in bytes up to which names are compared.
const longest = 64

// Distance counts the bytes to insert, delete, replace or swap with their neighbour to get from a to b
// (optimal string alignment). It returns limit+1 where more than limit are needed, or where a name is
// longer than any directive's.
func Distance(a, b string, limit int) int {
	far := limit + 1
	if len(a) > longest || len(b) > longest || len(a)-len(b) > limit || len(b)-len(a) > limit {
		return far
	}
	var rows [3][longest + 1]int
	before, above, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return far
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], far)
}

// Limit returns how many wrong letters a name may have and still be taken for another: among few
// letters, two wrong ones make another word.
func Limit(name string) int {
	switch n := len(name); {
	case n < 3:
		return 0
	case n < 6:
		return 1
	}
	return 2
}

// Nearest returns the candidate that name was probably meant to be, the first of equals; "" when none is
// near. unique reports that no other is as near.
func Nearest(name string, candidates []string) (best string, unique bool) {
	least := Limit(name) + 1
	for _, c := range candidates {
		switch d := Distance(name, c, least); {
		case d < least:
			best, least, unique = c, d, true
		case d == least && c != best:
			unique = false
		}
	}
	return best, unique && best != ""
}
