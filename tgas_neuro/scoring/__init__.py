"""Record the layers of a network and compare them with the teacher."""
