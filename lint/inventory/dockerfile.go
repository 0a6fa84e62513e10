package inventory

// Dockerfile is the final stage of a Dockerfile.
type Dockerfile struct{}
